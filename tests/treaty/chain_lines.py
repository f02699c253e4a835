"""Logs for the tests, and what a meddler does to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aurora_sim.treaty.chain import Chain

NOW_S = 1_767_622_800.25


def an_entry(number: int) -> tuple[float, str, dict[str, Any]]:
    """An entry like those of orders: nested, with texts beyond ASCII, and with hashes in it that are not the line's own."""
    return (
        NOW_S + number,
        "order" if number % 3 else "halt",
        {"number": number, "reason": f'"said" é {number}', "list": [1.5, None, True], "in": {"hash": "0" * 64}},
    )


def a_log(path: Path, entries: int) -> tuple[int, str]:
    """A log of that many entries, in batches of three; its head."""
    chain = Chain(path)
    for first in range(1, entries + 1, 3):
        chain.append([an_entry(number) for number in range(first, min(first + 3, entries + 1))])
    head = chain.head()
    chain.close()
    return head


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)
