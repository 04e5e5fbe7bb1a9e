"""One-layer models, trained by every torch optimizer and judged against the exact optimum.

Importing this package imports neither torch nor lightning; the rooms that need them do.
"""

__version__ = "0.1.0"
