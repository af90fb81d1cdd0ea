"""Faults that were found by trying the live pages, by their kinds: each test fails when one is back."""

from __future__ import annotations

from dataclasses import replace
