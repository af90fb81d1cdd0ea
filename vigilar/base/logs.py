"""Logging of every process: one line for each thing told, redacted, on standard error.

A line reads ``2026-11-23T21:00:00.123Z INFO camera/front-door capture.worker: opened rtsp://***@10.0.0.7/ run=3``.
"""

from __future__ import annotations

import logging
import sys
import time

from vigilar.base.redact import redact


class LineFormatter(logging.Formatter):
    """UTC time, level, process, module and message on one line; a traceback follows on lines of its own."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        module = record.name.removeprefix("vigilar.")
        text = record.getMessage().replace("\n", "\\n")
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return redact(f"{stamp}.{int(record.msecs):03d}Z {record.levelname} {self._process} {module}: {text}")


def start_logging(process: str, level: str = "INFO") -> None:
    """Send all logging of this process to standard error. ``process`` reads ``web`` or ``camera/front-door``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(True)
