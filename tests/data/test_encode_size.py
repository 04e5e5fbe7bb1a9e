"""A design matrix that memory cannot hold is refused before it is made."""

import numpy as np
import pytest

from onelayer.data.encode import Encoder, EncodeSettings
from onelayer.data.encode.size import refuse_too_large
from onelayer.data.frame import Column, Frame
from onelayer.errors import UserError

LEVELS = tuple(f"{level:02}" for level in range(50))


def encoder_of(max_levels: int | None) -> Encoder:
    columns = (Column("age"), Column("town", "category", LEVELS), Column("sex", "category", ("f", "m")))
    codes = np.stack([np.arange(100) % 50, np.arange(100) % 2], 1).astype(np.int32)
    return Encoder.fit(Frame(columns, np.zeros((100, 1)), codes), EncodeSettings(max_levels=max_levels))


def test_the_widest_category_is_named() -> None:
    with pytest.raises(UserError) as refused:
        refuse_too_large(encoder_of(None).features, 10**12)
    said = str(refused.value)
    assert said.startswith("the design matrix of 1000000000000 rows x 53 features takes 424000.0 GB, but ")
    assert said.endswith(
        "; 50 of the features are levels of 'town': lower data.encode.max_levels, or leave the column out with "
        "data.drop=[town]"
    )


def test_what_fits_passes() -> None:
    refuse_too_large(encoder_of(None).features, 100)


def test_numbers_alone_are_in_memory_already() -> None:
    refuse_too_large(Encoder.plain(("a", "b")).features, 10**12)
