"""A small convolutional network in numpy: forward, backward, Adam, and its form as ONNX. For training only.

Pictures are NxHxWx3, 0..255. Four convolutions of stride 2 and three of stride 1, each 3x3 with ReLU, then one of 1x1:
of each cell of 16 pixels the numbers of YOLOX (``vigilar.detect.objects.manifest``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.onnx_file import Node, Values, onnx_bytes

Array = NDArray[np.float32]

SHAPE = ((3, 16, 2), (16, 24, 2), (24, 40, 2), (40, 64, 2), (64, 64, 1), (64, 64, 1), (64, 64, 1))
"""Channels in, channels out, stride."""

STRIDE = 16
MIDDLE, SPREAD = 114.0, 64.0
"""Pixels are taken from the first and divided by the second."""


class SmallNetwork:
    """The weights, and what Adam remembers of them."""

    def __init__(self, classes: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self._strides = [*(stride for _, _, stride in SHAPE), 1]
        self.weights: list[Array] = []
        for inputs, outputs, _ in SHAPE:
            scale = np.sqrt(2.0 / (inputs * 9))
            self.weights += [_f(rng.normal(0, scale, (inputs * 9, outputs))), np.zeros(outputs, np.float32)]
        last = _f(rng.normal(0, 0.01, (SHAPE[-1][1], 5 + classes)))
        shift = np.zeros(5 + classes, np.float32)
        shift[:2], shift[4] = 0.5, -4.0  # nearly every cell is empty
        self.weights += [last, shift]
        self._first = [np.zeros_like(one) for one in self.weights]
        self._second = [np.zeros_like(one) for one in self.weights]
        self._steps = 0

    def forward(self, pictures: Array) -> tuple[Array, list[tuple[Array, Array]]]:
        """The numbers of each cell, NxRxCx(5 + classes) before any sigmoid, and what ``backward`` needs."""
        x = (pictures - np.float32(MIDDLE)) / np.float32(SPREAD)
        kept = []
        for layer in range(len(SHAPE)):
            columns = _columns(x, self._strides[layer])
            y = np.maximum(columns @ self.weights[2 * layer] + self.weights[2 * layer + 1], 0)
            kept.append((columns, y))
            x = y
        return _f(x @ self.weights[-2] + self.weights[-1]), kept

    def backward(self, kept: list[tuple[Array, Array]], slope: Array) -> list[Array]:
        """The slopes of the loss by each weight, by those of the output."""
        slopes: list[Array] = [np.empty(0, np.float32)] * len(self.weights)
        flat = slope.reshape(-1, slope.shape[-1])
        slopes[-2] = kept[-1][1].reshape(flat.shape[0], -1).T @ flat
        slopes[-1] = flat.sum(axis=0)
        down = slope @ self.weights[-2].T
        for layer in reversed(range(len(SHAPE))):
            columns, y = kept[layer]
            down = down * (y > 0)
            flat = down.reshape(-1, down.shape[-1])
            slopes[2 * layer] = columns.reshape(flat.shape[0], -1).T @ flat
            slopes[2 * layer + 1] = flat.sum(axis=0)
            if layer:
                shape = kept[layer - 1][1].shape
                down = _uncolumns(_f(down @ self.weights[2 * layer].T), shape, self._strides[layer])
        return slopes

    def step(self, slopes: list[Array], rate: float) -> None:
        """One step of Adam (Kingma and Ba 2015)."""
        self._steps += 1
        ahead, behind = 1 - 0.9**self._steps, 1 - 0.999**self._steps
        for weight, slope, first, second in zip(self.weights, slopes, self._first, self._second, strict=True):
            first += np.float32(0.1) * (slope - first)
            second += np.float32(0.001) * (slope * slope - second)
            weight -= np.float32(rate) * (first / ahead) / (np.sqrt(second / behind) + np.float32(1e-7))

    def as_onnx(self, width: int, height: int, producer: str) -> bytes:
        """The network as a file: 1x3xHxW BGR in, 1xNx(5 + classes) out, the scores between 0 and 1."""
        classes = self.weights[-1].size - 5
        constants: dict[str, Values] = {
            "middle": np.array([MIDDLE], np.float32),
            "spread": np.array([SPREAD], np.float32),
            "rows": np.array([1, (width // STRIDE) * (height // STRIDE), 5 + classes], np.int64),
            "box_from": np.array([0], np.int64),
            "box_to": np.array([4], np.int64),
            "all_to": np.array([5 + classes], np.int64),
            "axis": np.array([2], np.int64),
        }
        nodes = [Node("Sub", ["picture", "middle"], "x0"), Node("Div", ["x0", "spread"], "a0")]
        for layer, (inputs, outputs, stride) in enumerate(SHAPE):
            kernel = self.weights[2 * layer].reshape(inputs, 3, 3, outputs).transpose(3, 0, 1, 2)
            constants |= {f"w{layer}": _f(kernel), f"b{layer}": self.weights[2 * layer + 1]}
            form = {"kernel_shape": (3, 3), "strides": (stride, stride), "pads": (1, 1, 1, 1)}
            nodes.append(Node("Conv", [f"a{layer}", f"w{layer}", f"b{layer}"], f"c{layer}", form))
            nodes.append(Node("Relu", [f"c{layer}"], f"a{layer + 1}"))
        constants |= {"w": _f(self.weights[-2].T[:, :, None, None]), "b": self.weights[-1]}
        nodes += [
            Node("Conv", [f"a{len(SHAPE)}", "w", "b"], "map", {"kernel_shape": (1, 1)}),
            Node("Transpose", ["map"], "turned", {"perm": (0, 2, 3, 1)}),
            Node("Reshape", ["turned", "rows"], "cells"),
            Node("Slice", ["cells", "box_from", "box_to", "axis"], "boxes"),
            Node("Slice", ["cells", "box_to", "all_to", "axis"], "raw_scores"),
            Node("Sigmoid", ["raw_scores"], "scores"),
            Node("Concat", ["boxes", "scores"], "found", {"axis": 2}),
        ]
        rows = (width // STRIDE) * (height // STRIDE)
        return onnx_bytes(
            nodes, constants, ("picture", (1, 3, height, width)), ("found", (1, rows, 5 + classes)), producer
        )


def _columns(x: Array, stride: int) -> Array:
    """All 3x3 neighbourhoods: N x rows x columns x (channels * 9)."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))[:, ::stride, ::stride]
    return np.ascontiguousarray(windows).reshape(*windows.shape[:3], -1)


def _uncolumns(columns: Array, shape: tuple[int, ...], stride: int) -> Array:
    """The sum of what each neighbourhood says of a pixel: the reverse of ``_columns``."""
    number, rows, width, channels = shape
    padded = np.zeros((number, rows + 2, width + 2, channels), np.float32)
    parts = columns.reshape(*columns.shape[:3], channels, 3, 3)
    for y in range(3):
        for x in range(3):
            target = padded[:, y : y + stride * columns.shape[1] : stride, x : x + stride * columns.shape[2] : stride]
            target += parts[..., y, x]
    return padded[:, 1:-1, 1:-1]


def _f(values: NDArray[Any]) -> Array:
    return np.ascontiguousarray(values, dtype=np.float32)
