"""The door to ONNX Runtime: a network in, numbers out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from vigilar.base.errors import ErrorKind
from vigilar.detect.objects.manifest import ModelError

Numbers = NDArray[np.float32]

OPENVINO = "OpenVINOExecutionProvider"
CPU = "CPUExecutionProvider"
"""ONNX Runtime's names of what does the work. Its wheel has the second; a build with Intel's brings the first."""


class Engine:
    """One network that is loaded. One thread at a time."""

    def __init__(self, file: Path, threads: int = 1) -> None:
        """Raises ModelError when it cannot be loaded, or does not have one input and one output."""
        with _model_errors(file):
            self._session = onnxruntime.InferenceSession(
                str(file), _options(threads), providers=[name for name in (OPENVINO, CPU) if name in available()]
            )
            inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1 or inputs[0].type != "tensor(float)":
            raise ModelError(
                f"the model {file.name} does not take one picture and give one table", kind=ErrorKind.CORRUPT
            )
        self._input = str(inputs[0].name)
        self._file = file

    @property
    def provider(self) -> str:
        """What does the work, by ONNX Runtime's name."""
        return str(self._session.get_providers()[0])

    def run(self, numbers: Numbers) -> Numbers:
        """The output for one input. Raises ModelError when they do not fit one another."""
        with _model_errors(self._file):
            found: Any = self._session.run(None, {self._input: numbers})[0]
        return np.asarray(found, dtype=np.float32)


def available() -> frozenset[str]:
    """What this build of ONNX Runtime can work with."""
    return frozenset(onnxruntime.get_available_providers())


def _options(threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4
    # The arena keeps the most it ever needed; threads that spin between two pictures take a processor for nothing.
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


@contextlib.contextmanager
def _model_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # its exceptions have no base of their own but this
        raise ModelError(f"the model {file.name} cannot be used", kind=ErrorKind.CORRUPT) from error
