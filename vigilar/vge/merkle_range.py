"""Proving that some leaves in a row belong to a tree, without the others (in the manner of RFC 9162 section 2.1.3).

The proof is the roots of those largest whole subtrees that hold none of the leaves in question, left to right: at most
two a level of the tree, so some twenty hashes for a file of a thousand records, whatever the range.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vigilar.vge.merkle import MerkleTree, node_of


def range_proof(leaves: Sequence[bytes], first: int, stop: int) -> list[bytes]:
    """The proof for leaves [first, stop), which is not empty."""
    found: list[bytes] = []

    def visit(start: int, end: int) -> None:
        if end <= first or start >= stop:
            found.append(_root(leaves[start:end]))
        elif not (first <= start and end <= stop):
            middle = start + _split(end - start)
            visit(start, middle)
            visit(middle, end)

    visit(0, len(leaves))
    return found


def root_by_range(count: int, first: int, known: Sequence[bytes], proof: Sequence[bytes]) -> bytes | None:
    """The root of a tree of ``count`` leaves whose leaves from ``first`` on are ``known``; None when the proof has not
    the length that it must have."""
    stop = first + len(known)
    rest: Iterator[bytes] = iter(proof)
    if not 0 <= first < stop <= count:
        return None

    def visit(start: int, end: int) -> bytes:
        if end <= first or start >= stop:
            return next(rest)
        if first <= start and end <= stop:
            return _root(known[start - first : end - first])
        middle = start + _split(end - start)
        left = visit(start, middle)
        return node_of(left, visit(middle, end))

    try:
        root = visit(0, count)
    except StopIteration:
        return None
    return root if next(rest, None) is None else None


def _split(count: int) -> int:
    """The largest power of two below ``count``."""
    return 1 << (count - 1).bit_length() - 1


def _root(leaves: Sequence[bytes]) -> bytes:
    tree = MerkleTree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()
