"""The configuration; inside the wheel it is `onelayer.conf`."""
