"""Writes ONNX files: the few messages of its protocol buffers that a small network needs, and nothing else.

Source: onnx.proto (IR version 8, operator set 13) and the encoding of protocol buffers. Used by the training of the
network for the drawn scenes and by tests that need a network; the product only reads such files, with ONNX Runtime.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

IR_VERSION, OPERATOR_SET = 8, 13
_FLOAT, _INT64 = 1, 7
_ATTRIBUTE_INT, _ATTRIBUTE_INTS = 2, 7

Values = NDArray[np.float32] | NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Node:
    """One operator: its name, what goes in, what comes out, its attributes."""

    operator: str
    inputs: Sequence[str]
    output: str
    attributes: Mapping[str, int | Sequence[int]] = field(default_factory=dict)


def onnx_bytes(
    nodes: Sequence[Node],
    constants: Mapping[str, Values],
    source: tuple[str, Sequence[int]],
    result: tuple[str, Sequence[int]],
    producer: str,
) -> bytes:
    """A model whose graph is ``nodes``, with ``source`` and ``result`` as name and shape of its float input, output."""
    graph = b"".join(_message(1, _node(node)) for node in nodes)
    graph += _text(2, producer)
    graph += b"".join(_message(5, _tensor(name, values)) for name, values in constants.items())
    graph += _message(11, _value(*source)) + _message(12, _value(*result))
    operators = _text(1, "") + _number(2, OPERATOR_SET)
    return _number(1, IR_VERSION) + _text(2, producer) + _message(7, graph) + _message(8, operators)


def _node(node: Node) -> bytes:
    raw = b"".join(_text(1, name) for name in node.inputs) + _text(2, node.output) + _text(4, node.operator)
    for name, value in node.attributes.items():
        if isinstance(value, int):
            raw += _message(5, _text(1, name) + _number(3, value) + _number(20, _ATTRIBUTE_INT))
        else:
            ints = b"".join(_number(8, one) for one in value)
            raw += _message(5, _text(1, name) + ints + _number(20, _ATTRIBUTE_INTS))
    return raw


def _tensor(name: str, values: Values) -> bytes:
    kind = _INT64 if values.dtype == np.int64 else _FLOAT
    dims = b"".join(_number(1, one) for one in values.shape)
    return dims + _number(2, kind) + _text(8, name) + _message(9, np.ascontiguousarray(values).tobytes())


def _value(name: str, shape: Sequence[int]) -> bytes:
    dims = b"".join(_message(1, _number(1, one)) for one in shape)
    tensor = _number(1, _FLOAT) + _message(2, dims)
    return _text(1, name) + _message(2, _message(1, tensor))


def _number(tag: int, value: int) -> bytes:
    return _varint(tag << 3) + _varint(value)


def _text(tag: int, value: str) -> bytes:
    return _message(tag, value.encode())


def _message(tag: int, raw: bytes) -> bytes:
    return _varint(tag << 3 | 2) + _varint(len(raw)) + raw


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
