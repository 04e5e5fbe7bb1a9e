"""The documentation's own tools: its code is run, its reference is made of what it describes."""
