"""The Merkle tree over the records of a file (nodes as in RFC 9162 section 2.1.1), grown one leaf at a time."""

from __future__ import annotations

from hashlib import sha256


def leaf_of(record_header: bytes, plaintext_sha256: bytes) -> bytes:
    """Leaf of one record: the plaintext enters as its hash, so that a proof need not show it."""
    return sha256(b"\x00" + record_header + plaintext_sha256).digest()


def node_of(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees of which the left one is the larger, or as large."""
    return sha256(b"\x01" + left + right).digest()


class MerkleTree:
    """Keeps one hash per whole subtree: as many as the leaf count has one-bits."""

    def __init__(self) -> None:
        self.leaf_count = 0
        self._subtrees: list[bytes] = []  # largest first

    def add(self, leaf: bytes) -> None:
        """Append a leaf; equal subtrees join at once."""
        self._subtrees.append(leaf)
        self.leaf_count += 1
        count = self.leaf_count
        while count % 2 == 0:
            right = self._subtrees.pop()
            self._subtrees[-1] = node_of(self._subtrees[-1], right)
            count //= 2

    def root(self) -> bytes:
        """Root over the leaves so far; the hash of nothing for none."""
        if not self._subtrees:
            return sha256(b"").digest()
        root = self._subtrees[-1]
        for left in reversed(self._subtrees[:-1]):
            root = node_of(left, root)
        return root
