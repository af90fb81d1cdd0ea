"""The file for support, made by the command of the box in a program of its own: one way to make it, whoever asks."""

from __future__ import annotations

import logging
import subprocess
import sys

from vigilar.web.parts import Parts
from vigilar.web.problems import Problem

logger = logging.getLogger(__name__)

TIMEOUT_S = 120.0
MAX_BYTES = 64 * 1024 * 1024


def make_bundle(here: Parts) -> bytes:
    """The zip. Raises Problem 503 when it cannot be made."""
    cfg = here.cfg
    command = [sys.executable, "-m", "vigilar", "support-bundle", "--stdout", "--config", str(cfg.config_file)]
    if cfg.secrets_dir == cfg.data_dir / "secrets":  # as ``config.places`` finds them
        command += ["--data-dir", str(cfg.data_dir)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        logger.warning("the file for support could not be made: %s", type(error).__name__)
        raise _cannot() from error
    if done.returncode or not done.stdout.startswith(b"PK") or len(done.stdout) > MAX_BYTES:
        logger.warning("the file for support could not be made: exit code %d", done.returncode)
        raise _cannot()
    return done.stdout


def _cannot() -> Problem:
    return Problem(
        503, "support.failed", "The file could not be made.", next_step="On the box: vigilar support-bundle FILE.zip"
    )
