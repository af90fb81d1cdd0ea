"""Where reels lie, and which are there. Imports nothing: who waits for jobs looks too, and is small."""

from __future__ import annotations

from pathlib import Path

FOLDER = "reels"


def film_path(data_dir: Path, job_id: int) -> Path:
    return data_dir / FOLDER / f"{job_id:06d}.vge"


def remove_film(data_dir: Path, job_id: int) -> None:
    film_path(data_dir, job_id).unlink(missing_ok=True)


def list_films(data_dir: Path) -> list[int]:
    """The jobs of which a file lies in the folder."""
    names = (path.name for path in (data_dir / FOLDER).glob("*.vge")) if (data_dir / FOLDER).is_dir() else ()
    return [int(name.removesuffix(".vge")) for name in names if name.removesuffix(".vge").isdigit()]
