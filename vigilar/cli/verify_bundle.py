"""``vigilar verify BUNDLE``: an export with proof, checked without any key."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from vigilar.base.errors import ExitCode, RecordingError
from vigilar.playback.export.check import check_bundle


def verify_bundle(path: Path) -> tuple[dict[str, Any], ExitCode]:
    """Facts and exit code of one bundle, as ``verify`` gives them of a recording."""
    try:
        report = check_bundle(path)
    except RecordingError as error:
        return {
            "file": str(path),
            "verdict": "unreadable",
            "code": error.code,
            "sentence": str(error),
        }, error.exit_code
    sentence = " ".join(one.sentence for one in report.findings) or "This is exactly what was exported."
    notes = " ".join((*report.notes, f"Proof code {report.proof_code}."))
    facts = {
        "file": str(path),
        "verdict": "exact" if report.is_exact else "changed",
        "code": "bundle.exact" if report.is_exact else "bundle.changed",
        "sentence": f"{sentence} {notes}",
        "records_verified": report.records,
        "proof_code": report.proof_code,
        "signed_by": report.signed_by,
        "findings": [asdict(one) for one in report.findings],
    }
    return facts, ExitCode.OK if report.is_exact else ExitCode.NOT_EXACT
