"""The id of a data folder: made once, read again, never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from vigilar.base.errors import ErrorKind, VigilarError
from vigilar.base.folder_id import FILE_NAME, find_folder_id, make_folder_id


def test_new_folder_has_no_id(tmp_path: Path) -> None:
    assert find_folder_id(tmp_path) is None


def test_made_id_is_found_again(tmp_path: Path) -> None:
    made = make_folder_id(tmp_path)
    assert len(made) == 32
    assert find_folder_id(tmp_path) == made


def test_two_folders_have_two_ids(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert make_folder_id(tmp_path / "a") != make_folder_id(tmp_path / "b")


@pytest.mark.parametrize("text", ["", "{}", '{"id": 3}', '{"id": "zz"}', '["id"]', '{"id": "' + "g" * 32 + '"}'])
def test_damaged_id_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(VigilarError) as caught:
        find_folder_id(tmp_path)
    assert caught.value.kind is ErrorKind.CORRUPT
