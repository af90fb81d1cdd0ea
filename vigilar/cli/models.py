"""``vigilar models``: which networks recognise objects, and getting one."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from vigilar.base.amounts import size_text
from vigilar.base.errors import ExitCode, VigilarError
from vigilar.base.models_folder import FOLDER
from vigilar.cli.lazy import LazyGroup
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import print_json, print_table, tell
from vigilar.cli.service import ask_reload
from vigilar.config.places import Places
from vigilar.detect.objects.catalogue import BUNDLED, DEFAULT_NAME, all_models, bundled_models, find_by_name
from vigilar.detect.objects.download import download_model
from vigilar.detect.objects.manifest import ModelManifest
from vigilar.detect.objects.model import open_model
from vigilar.detect.objects.model_folder import InstalledModel, ModelFolder, read_manifest

_COMMANDS = {
    "list": ("vigilar.cli.models:list_models", "Which models there are, and which one is in use."),
    "install": ("vigilar.cli.models:install", "Get a model and use it, without a restart."),
    "remove": ("vigilar.cli.models:remove", "Delete a model."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def models() -> None:
    """Models recognise people, vehicles and animals in the pictures, on this machine alone."""


@click.command("list")
@with_places
@with_json
def list_models(places: Places, as_json: bool) -> int:
    """Which models are installed, and which can be."""
    installed = _folder(places).list_installed()
    names = [one.manifest.name for one in installed]
    known = [one.manifest for one in installed] + [one for one in all_models() if one.name not in names]
    if as_json:
        print_json({"models": [_as_json(one, names) for one in known]})
        return ExitCode.OK
    print_table((one.name, _state(one, names), size_text(one.size_bytes), one.licence, one.title) for one in known)
    if not names:
        print(f"None is installed, so nothing is recognised. Get one: vigilar models install {DEFAULT_NAME}")
    return ExitCode.OK


@click.command()
@click.argument("name", default=DEFAULT_NAME)
@click.option("--from", "source", type=click.Path(path_type=Path), help="Take it from this file; no network is needed.")
@click.option("--manifest", type=click.Path(path_type=Path), help="What is known of a model that is not in the list.")
@with_places
def install(places: Places, name: str, source: Path | None, manifest: Path | None) -> int:
    """Get the model NAME and use it from now on; a running Vigilar changes over within some seconds.

    It is downloaded once, over https, from the address in the list (--json), and refused unless its SHA-256 is right.
    A download that was cut short goes on where it ended. With --from FILE nothing is downloaded.
    """
    wanted = read_manifest(manifest) if manifest is not None else find_by_name(name)
    if wanted is None:
        raise VigilarError(
            f'no model "{name}" is known',
            next_step="See which there are: vigilar models list",
            exit_code=ExitCode.NOT_FOUND,
        )
    folder = _folder(places)
    if source is None and any(one.name == wanted.name for one in bundled_models()):
        source = BUNDLED / wanted.file
    if source is None:
        found = download_model(folder, wanted, _Progress().tell)
    else:
        open_model(source, wanted)  # before it takes the place of one that works
        found = folder.install_file(source, wanted)
    _check(folder, found)
    ask_reload(places)  # a house that had none starts its detector now
    tell(f"{wanted.name} is installed and in use ({size_text(wanted.size_bytes)}, {wanted.licence}).")
    if wanted.made_for:
        tell(f"It is made for {wanted.made_for}.")
    return ExitCode.OK


@click.command()
@click.argument("name")
@with_places
def remove(places: Places, name: str) -> int:
    """Delete the model NAME. The one installed before it is used then; motion is found without any."""
    folder = _folder(places)
    folder.remove(name)
    left = folder.find_in_use()
    ask_reload(places)
    tell(f"{name} is removed. " + (f"{left.manifest.name} is used now." if left else "Nothing is recognised now."))
    return ExitCode.OK


class _Progress:
    """A line that is written over, where somebody looks; one at each tenth for a file."""

    def __init__(self) -> None:
        self._told = -1

    def tell(self, have: int, whole: int) -> None:
        step = 100 if sys.stderr.isatty() else 10
        part = have * step // whole
        if part == self._told:
            return
        self._told = part
        text = f"{size_text(have)} of {size_text(whole)} ({have * 100 // whole} %)"
        end = "\r" if sys.stderr.isatty() and have < whole else "\n"
        print(text, end=end, file=sys.stderr, flush=True)


def _check(folder: ModelFolder, found: InstalledModel) -> None:
    """A model that is whole and still cannot be used must not stand in the way of one that can."""
    try:
        open_model(found.file, found.manifest)
    except VigilarError:
        folder.remove(found.manifest.name)
        raise


def _folder(places: Places) -> ModelFolder:
    return ModelFolder(places.data_dir / FOLDER)


def _state(model: ModelManifest, installed: list[str]) -> str:
    if model.name not in installed:
        return "-"
    return "in use" if installed[0] == model.name else "installed"


def _as_json(model: ModelManifest, installed: list[str]) -> dict[str, object]:
    return {
        "name": model.name,
        "title": model.title,
        "licence": model.licence,
        "size_bytes": model.size_bytes,
        "sha256": model.sha256,
        "source": model.source,
        "made_for": model.made_for,
        "kinds": sorted({kind.value for kind in model.kinds.values()}),
        "installed": model.name in installed,
        "in_use": bool(installed) and installed[0] == model.name,
    }
