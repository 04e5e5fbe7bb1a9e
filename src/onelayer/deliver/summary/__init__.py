"""The table that statisticians expect of a run: its train rows read again, its weights in original units.

design.py         the train rows in original units
coefficients.py   weights of the scaled problem to coefficients, and how far they are from the optimum
summarise.py      all of it together
show.py           for the eye, and as plain containers
"""
