"""The one error that a user's input can raise."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(Exception):
    """Something the user gave is wrong: the command ends with this message and exit status 2.

    `where` names the file, and inside it the line and key; `what` says what is wrong there; `mend` says how to put it right.
    """

    def __init__(self, where: str, what: str, mend: str) -> None:
        super().__init__(f"{where}: {what}. {mend}")
        self.where = where
        self.what = what
        self.mend = mend


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """The mend for an unknown name: the nearest known one if there is a near one, and the list of what is known."""
    names = sorted(known)
    near = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    listed = ", ".join(names) if len(names) <= 24 else ", ".join(names[:24]) + ", ..."
    return f"Did you mean {near[0]}? Known: {listed}" if near else f"Known: {listed}"
