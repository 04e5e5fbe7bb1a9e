"""Columns of a table to a design matrix: what the train rows decide, and how it is applied to any rows.

    statistics.py   what of the train rows decides
    design.py       what becomes of one column: its design columns
    encoder.py      the decisions, and all columns together
    size.py         whether that matrix fits into memory
    layout.py       from the columns of a given frame to the matrix

Numpy alone, so that a delivered model can use it.
"""

from onelayer.data.encode.design import Feature
from onelayer.data.encode.encoder import Encoder, EncodeSettings
from onelayer.data.encode.statistics import Counted, Moments, Statistics

__all__ = ["Counted", "EncodeSettings", "Encoder", "Feature", "Moments", "Statistics"]
