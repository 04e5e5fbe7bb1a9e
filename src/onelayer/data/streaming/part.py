"""The train, validation or test rows of a table that stays on disk."""

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from onelayer.data.blocks import Block, generator_of
from onelayer.data.encode import Encoder
from onelayer.data.parts import Chunk, Part
from onelayer.data.preprocess import Scale
from onelayer.data.streaming.stream import Piece, Stream, ranges
from onelayer.data.table import Array

# pieces of a block: so many places of the table are mixed in it
PIECES = 8
T = TypeVar("T")


@dataclass(frozen=True)
class StreamedPart:
    """Encoded and scaled rows, read block by block.

    Attributes:
        stream: the table.
        condition: SQL, the rows of the table that belong to this part.
        rows: how many.
        encoder, x_scale, y_scale: as the train rows decided.
        multiclass: whether the target is one of several classes.
        class_weight: (classes,) what each class counts in the loss; None: all alike.
        mean_weight: what a row counts in the loss on average, before it is divided by this.
        extremes: two made rows of the smallest and the largest number in each column; none of a part without rows.
    """

    stream: Stream
    condition: str
    rows: int
    encoder: Encoder
    x_scale: Scale
    y_scale: Scale
    multiclass: bool
    class_weight: Array | None
    mean_weight: float
    extremes: Part

    def __len__(self) -> int:
        return self.rows

    @property
    def n_features(self) -> int:
        """Columns of x."""
        return self.encoder.n_features

    @property
    def sparse(self) -> bool:
        """Whether x is."""
        return False

    def refuse_beyond(self, dtype: torch.dtype, columns: tuple[str, ...], target: str, what: str) -> None:
        """Refuse numbers that a precision cannot compute with, as `Part.refuse_beyond` does.

        Raises:
            UserError: names the column.
        """
        self.extremes.refuse_beyond(dtype, columns, target, what)

    def refuse_unheld(self, dtype: torch.dtype, columns: tuple[str, ...] | None, target: str | None) -> None:
        """Refuse columns whose spread a precision cannot hold, as `Part.refuse_unheld` does.

        Raises:
            UserError: names the column.
        """
        self.extremes.refuse_unheld(dtype, columns, target)

    def chunks(self, device: torch.device | None = None) -> Iterator[Chunk]:
        """Yield the rows in the order of the table."""
        for x, y, weight, _ in read_ahead(self._read(*one) for one in ranges(self.stream.end, self.stream.block_rows)):
            if len(y):
                yield Chunk(x.to(device), y.to(device), None if weight is None else weight.to(device))

    def blocks(
        self, batch_size: int, dtype: torch.dtype, *, seed: int | None = None, epoch: Callable[[], int] = lambda: 0
    ) -> "StreamedBlocks":
        """Return the rows in blocks of whole batches but for the last; with a seed, in a new order each epoch."""
        return StreamedBlocks(self, batch_size, dtype, seed, epoch)

    def whole(self, dtype: torch.dtype) -> "StreamedBlocks":
        """Return the rows in blocks, to be measured."""
        return StreamedBlocks(self, 1, dtype, None, lambda: 0)

    def _read(self, start: int, end: int) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        return self._made(self.stream.read(self.condition, start, end, numbered=self.encoder.refuse_unseen))

    def _made(self, piece: Piece) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """Encode, scale and weigh; float64."""
        features = self.encoder.apply(piece.frame, piece.numbers)
        x = torch.from_numpy(self.x_scale.apply(features, features))
        if self.multiclass:
            y = torch.from_numpy(piece.target)
        else:
            y = torch.from_numpy(self.y_scale.apply(piece.target.astype(np.float64)[:, None]))
        sample_weight = None if piece.sample_weight is None else torch.from_numpy(piece.sample_weight)
        weight = sample_weight
        if self.class_weight is not None:
            weight = torch.from_numpy(self.class_weight[piece.target.astype(np.int64)])
            weight = weight if sample_weight is None else weight * sample_weight
        return x, y, None if weight is None else weight / self.mean_weight, sample_weight


class StreamedBlocks(IterableDataset[Block]):
    """Yields the rows of a part in blocks; the next one is read while this one is used.

    Rows are mixed on two levels: pieces of the table are read in a random order, and the rows of as many pieces as make
    a block are shuffled. The order depends on the seed and the epoch alone.
    """

    def __init__(
        self, part: StreamedPart, batch_size: int, dtype: torch.dtype, seed: int | None, epoch: Callable[[], int]
    ) -> None:
        self.part, self.batch_size, self.dtype, self.seed, self.epoch = part, batch_size, dtype, seed, epoch

    def __iter__(self) -> Generator[Block, None, None]:
        return read_ahead(self._blocks())

    def _blocks(self) -> Iterator[Block]:
        stream = self.part.stream
        generator = None if self.seed is None else generator_of(self.seed, self.epoch())
        size = stream.block_rows if generator is None else max(1, stream.block_rows // PIECES)
        pieces = list(ranges(stream.end, size))
        if generator is not None:
            pieces = [pieces[place] for place in torch.randperm(len(pieces), generator=generator).tolist()]
        held: list[tuple[Tensor, ...]] = []
        for start, end in pieces:
            held.append(self._cast(*self.part._read(start, end)))
            if sum(len(one[1]) for one in held) >= stream.block_rows:
                whole = self._mixed(held, generator)
                rows = len(whole[1]) // self.batch_size * self.batch_size
                if rows:
                    yield self._block(tuple(one[:rows] for one in whole))
                held = [tuple(one[rows:] for one in whole)]
        whole = self._mixed(held, generator)
        if len(whole[1]):
            yield self._block(whole)

    def _cast(self, x: Tensor, y: Tensor, *weights: Tensor | None) -> tuple[Tensor, ...]:
        y = y if y.dtype == torch.int64 else y.to(self.dtype)
        return (x.to(self.dtype), y, *(one.to(self.dtype) for one in weights if one is not None))

    def _mixed(self, held: list[tuple[Tensor, ...]], generator: torch.Generator | None) -> tuple[Tensor, ...]:
        whole = tuple(torch.cat(one) for one in zip(*held, strict=True))
        if generator is None:
            return whole
        order = torch.randperm(len(whole[1]), generator=generator)
        return tuple(one.index_select(0, order) for one in whole)

    def _block(self, rows: tuple[Tensor, ...]) -> Block:
        x, y, *weights = rows
        weighted, counted = self.part.class_weight is not None, self.part.stream.sample_weight is not None
        return Block(
            x,
            y,
            None,
            self.batch_size,
            weights[0] if weighted or counted else None,
            weights[-1] if counted else None,
        )


def read_ahead(made: Iterable[T]) -> Generator[T, None, None]:
    """Yield what an iterable makes, the next one being made in a thread meanwhile."""
    source = iter(made)

    def one() -> list[T]:
        return list(islice(source, 1))

    with ThreadPoolExecutor(1) as reader:
        waiting = reader.submit(one)
        while found := waiting.result():
            waiting = reader.submit(one)
            yield from found
