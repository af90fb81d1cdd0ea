"""Numbers and links of the next file: set aside ahead, never twice, and had without the database."""

from __future__ import annotations

from vigilar.record.chain import BLOCK, LOW, FileChain
from vigilar.store.files import ChainEnd


def test_numbers_go_on_when_none_are_set_aside() -> None:
    chain = FileChain(ChainEnd(5), lambda: 0)
    assert [chain.take() for _ in range(3)] == [5, 6, 7]
    assert chain.missing_from() == 8
    chain.add_block(8)
    assert [chain.take() for _ in range(3)] == [8, 9, 10]


def test_block_is_due_before_the_last_number() -> None:
    chain = FileChain(ChainEnd(5), lambda: 0)
    chain.add_block(5)
    for _ in range(BLOCK - LOW):
        assert chain.missing_from() is None
        chain.take()
    assert chain.missing_from() is None
    chain.take()
    assert chain.missing_from() == 5 + BLOCK - LOW + 1
    chain.add_block(5 + BLOCK)
    assert chain.take() == 5 + BLOCK - LOW + 1, "what is left of the first block is used first"


def test_files_on_the_disk_count_when_the_database_is_older() -> None:
    chain = FileChain(ChainEnd(5), lambda: 9)
    chain.add_block(5)
    assert chain.take() == 10
    assert chain.missing_from() == 11


def test_block_behind_one_of_somebody_else_is_used_from_its_start() -> None:
    chain = FileChain(ChainEnd(5), lambda: 0)
    chain.take()
    chain.add_block(30)
    assert chain.take() == 30


def test_number_that_made_no_file_comes_again() -> None:
    chain = FileChain(ChainEnd(5), lambda: 0)
    chain.give_back(chain.take())
    assert [chain.take(), chain.take()] == [5, 6]
    assert chain.is_ours(5)
    assert not chain.is_ours(7)


def test_link_of_a_newer_file_stays() -> None:
    chain = FileChain(ChainEnd(5, b"4" * 32, 4), lambda: 0)
    chain.note_link(5, b"5" * 32)
    chain.note_link(3, b"3" * 32)
    assert chain.link == b"5" * 32


def test_own_numbers_are_known_in_little_memory() -> None:
    chain = FileChain(ChainEnd(5), lambda: 0)
    assert not chain.is_ours(5)
    taken = [chain.take() for _ in range(500)]
    chain.add_block(2000)
    taken += [chain.take() for _ in range(500)]
    assert {number for number in range(3000) if chain.is_ours(number)} == set(taken)
    assert len(chain._ours) == 2
