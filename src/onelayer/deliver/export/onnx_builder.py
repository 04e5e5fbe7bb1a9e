"""An ONNX graph, written as formulas."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from onelayer.links.operations import Operations

Array = NDArray[Any]
BATCH = "N"


@dataclass(frozen=True)
class Value:
    """A tensor of a graph: what a node makes, a constant, or an input."""

    graph: "Graph"
    name: str

    def __add__(self, other: "Value | float") -> "Value":
        return self.graph.op("Add", self, other)

    def __sub__(self, other: "Value | float") -> "Value":
        return self.graph.op("Sub", self, other)

    def __mul__(self, other: "Value | float") -> "Value":
        return self.graph.op("Mul", self, other)

    def __truediv__(self, other: "Value | float") -> "Value":
        return self.graph.op("Div", self, other)

    def __radd__(self, other: float) -> "Value":
        return self.graph.op("Add", other, self)

    def __rsub__(self, other: float) -> "Value":
        return self.graph.op("Sub", other, self)

    def __rmul__(self, other: float) -> "Value":
        return self.graph.op("Mul", other, self)

    def __rtruediv__(self, other: float) -> "Value":
        return self.graph.op("Div", other, self)

    def is_nan(self) -> "Value":
        """Return where it is NaN."""
        return self.graph.op("IsNaN", self)


@dataclass
class Graph(Operations):
    """Nodes in the order in which they are computed.

    Attributes:
        taken: names that inputs have, which no other tensor may have.
    """

    taken: Sequence[str]
    _nodes: list[Any] = field(default_factory=list)
    _inputs: list[Any] = field(default_factory=list)
    _constants: list[Any] = field(default_factory=list)
    _numbers: dict[float, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given = {*self.taken}
        self._names = (name for name in (f"_{number}" for number in count()) if name not in given)

    def input(self, name: str, kind: str, width: int) -> Value:
        """Add an input [N, width]."""
        from onnx import helper

        self._inputs.append(helper.make_tensor_value_info(name, _kind(kind), [BATCH, width]))
        return Value(self, name)

    def constant(self, values: Array) -> Value:
        """Add a constant of numbers."""
        from onnx import numpy_helper

        name = next(self._names)
        self._constants.append(numpy_helper.from_array(values, name))
        return Value(self, name)

    def texts(self, values: Sequence[str]) -> Value:
        """Add a constant of texts."""
        from onnx import helper

        name = next(self._names)
        encoded: Any = [one.encode() for one in values]
        self._constants.append(helper.make_tensor(name, _kind("string"), [len(values)], encoded))
        return Value(self, name)

    def op(self, kind: str, *given: Value | float, domain: str = "", **attributes: Any) -> Value:
        """Add a node; numbers among its inputs become constants."""
        from onnx import helper

        name = next(self._names)
        names = [one.name if isinstance(one, Value) else self._number(one).name for one in given]
        self._nodes.append(helper.make_node(kind, names, [name], name=name, domain=domain, **attributes))
        return Value(self, name)

    def _number(self, value: float) -> Value:
        if value not in self._numbers:
            self._numbers[value] = self.constant(np.array(value, np.float64))
        return self._numbers[value]

    def joined(self, blocks: Sequence[Value]) -> Value:
        """Put columns side by side."""
        return blocks[0] if len(blocks) == 1 else self.op("Concat", *blocks, axis=1)

    def cast(self, value: Value, kind: str) -> Value:
        """Convert to another type."""
        return self.op("Cast", value, to=_kind(kind))

    @override
    def exp(self, x: Value) -> Value:
        return self.op("Exp", x)

    @override
    def abs(self, x: Value) -> Value:
        return self.op("Abs", x)

    @override
    def sqrt(self, x: Value) -> Value:
        return self.op("Sqrt", x)

    @override
    def tanh(self, x: Value) -> Value:
        return self.op("Tanh", x)

    @override
    def above(self, x: Value, bound: float) -> Value:
        return self.op("Greater", x, bound)

    @override
    def where(self, condition: Value, yes: Value | float, no: Value | float) -> Value:
        return self.op("Where", condition, yes, no)

    def model(
        self,
        outputs: Sequence[tuple[Value, str, str, tuple[int, ...]]],
        *,
        opset: int,
        ml_opset: int,
        ir: int,
        doc: str,
    ) -> Any:
        """Return a model proto; outputs are values with their names, types and widths after the batch."""
        from onnx import helper

        from onelayer import __version__

        found = []
        for value, name, kind, widths in outputs:
            self._nodes.append(helper.make_node("Identity", [value.name], [name], name=next(self._names)))
            found.append(helper.make_tensor_value_info(name, _kind(kind), [BATCH, *widths]))
        graph = helper.make_graph(self._nodes, "onelayer", self._inputs, found, self._constants, doc_string=doc)
        opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", ml_opset)]
        return helper.make_model(
            graph,
            opset_imports=opsets,
            ir_version=ir,
            producer_name="onelayer",
            producer_version=__version__,
            doc_string=doc,
        )


def _kind(name: str) -> int:
    from onnx import TensorProto

    return int(getattr(TensorProto, name.upper()))
