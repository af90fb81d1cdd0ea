"""The folder of installed models.

Invariant: a model whose manifest is there was whole when it was put there. Steps of an installation: the file under a
name of its own, checked, renamed; then the manifest, which makes it count. Steps of a removal: the manifest, then the
file. What a crash leaves in between is a file without a manifest, which the next installation replaces.

The model whose manifest is newest is in use: whoever installs one wants it, and what was there before is what is left
when it is removed. A running detector looks every second and changes over (``stamp``).
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from vigilar.base.atomic import fsync_folder, make_private_folder, write_atomic
from vigilar.base.errors import ErrorKind, ExitCode
from vigilar.detect.objects.manifest import ModelError, ModelManifest
from vigilar.detect.objects.model_file import check_file

MAX_MANIFEST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """``file`` is its network; whether it still is what ``manifest`` says is checked when it is opened."""

    file: Path
    manifest: ModelManifest


class ModelFolder:
    """The models below ``folder``, which need not be there. Any thread; one installation at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def file_of(self, manifest: ModelManifest) -> Path:
        return self._folder / manifest.file

    def part_of(self, manifest: ModelManifest) -> Path:
        """Where its file grows while it is downloaded."""
        return self._folder / f"{manifest.file}.part"

    def list_installed(self) -> list[InstalledModel]:
        """Those that are installed, the one in use first. A manifest that cannot be read is passed over."""
        found: list[tuple[int, InstalledModel]] = []
        for path in self._folder.glob("*.json"):
            try:
                stamp = path.stat().st_mtime_ns
                manifest = read_manifest(path)
            except (ModelError, OSError):
                continue
            if self.file_of(manifest).exists():
                found.append((stamp, InstalledModel(self.file_of(manifest), manifest)))
        return [model for _, model in sorted(found, key=lambda one: -one[0])]

    def find_in_use(self) -> InstalledModel | None:
        installed = self.list_installed()
        return installed[0] if installed else None

    def stamp(self) -> tuple[tuple[str, int], ...]:
        """Another value whenever a model was installed or removed."""
        stamps = []
        for path in sorted(self._folder.glob("*.json")):
            try:
                stamps.append((path.name, path.stat().st_mtime_ns))
            except OSError:
                continue
        return tuple(stamps)

    def install_file(self, source: Path, manifest: ModelManifest) -> InstalledModel:
        """Copy ``source`` in. Raises ModelError when it is not, byte for byte, the model of ``manifest``."""
        check_file(source, manifest)
        try:
            make_private_folder(self._folder)
            part = self.part_of(manifest)
            with source.open("rb") as given, part.open("wb") as taken:
                shutil.copyfileobj(given, taken)
        except OSError as error:
            raise _cannot_write(self._folder, error) from error
        return self.finish(manifest)

    def finish(self, manifest: ModelManifest) -> InstalledModel:
        """Take the whole file ``part_of`` as the model. Raises ModelError when it is another, which is then deleted."""
        part, file = self.part_of(manifest), self.file_of(manifest)
        try:
            check_file(part, manifest)
        except ModelError as error:
            part.unlink(missing_ok=True)
            raise ModelError(
                f"what came is not the model {manifest.name}: its size or SHA-256 is another, and it was not installed",
                kind=ErrorKind.CORRUPT,
                next_step="Try again; if it happens twice, get the file elsewhere and give it with --from.",
            ) from error
        try:
            with part.open("rb") as whole:
                os.fsync(whole.fileno())
            os.replace(part, file)
            fsync_folder(self._folder)
            write_atomic(self._folder / f"{manifest.name}.json", manifest.dump().encode())
        except OSError as error:
            raise _cannot_write(self._folder, error) from error
        return InstalledModel(file, manifest)

    def remove(self, name: str) -> None:
        """Raises ModelError (NOT_FOUND) when no such model is installed."""
        found = next((one for one in self.list_installed() if one.manifest.name == name), None)
        if found is None:
            raise ModelError(
                f'no model "{name}" is installed',
                next_step="See which are: vigilar models list",
                exit_code=ExitCode.NOT_FOUND,
            )
        try:
            (self._folder / f"{name}.json").unlink()
            fsync_folder(self._folder)
            found.file.unlink(missing_ok=True)
        except OSError as error:
            raise _cannot_write(self._folder, error) from error


def read_manifest(path: Path) -> ModelManifest:
    """Raises ModelError when ``path`` holds no manifest or cannot be read."""
    try:
        with path.open("rb") as source:
            raw = source.read(MAX_MANIFEST_BYTES + 1)
        text = raw.decode("utf-8")
    except OSError as error:
        raise ModelError(f"the file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ModelError(f"{path} is not a manifest of a model", kind=ErrorKind.CORRUPT) from error
    if len(raw) > MAX_MANIFEST_BYTES:
        raise ModelError(f"{path} is too long for a manifest", kind=ErrorKind.CORRUPT)
    return ModelManifest.parse(text)


def _cannot_write(folder: Path, error: OSError) -> ModelError:
    return ModelError(
        f"nothing can be written to {folder}: {error.strerror}",
        next_step="Run the command as the user of the service, or free some space.",
        kind=ErrorKind.DENIED,
        exit_code=ExitCode.DENIED,
    )
