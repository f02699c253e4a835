"""The errors that end a command with one message: what the user gave is wrong, a run could not go on, an invariant is broken."""

from __future__ import annotations

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

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, str]]:
        """From a worker process it comes back as itself: an exception is otherwise made anew from its message alone."""
        return InputError, (self.where, self.what, self.mend)


class RunError(Exception):
    """A run could not go on, and its input is not at fault: the command ends with this message and exit status 1."""


class InvariantError(AssertionError):
    """What must always hold of the model or the treaty's books does not: a fault of the program, whatever its input.

    Raised, not asserted, where a run relies on it, so that `python -O` leaves it on; it says what was found, in numbers.
    """


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """The mend for an unknown name: the nearest known one if there is a near one, and the list of what is known."""
    import difflib  # needed where something is wrong, and this file by every command

    names = sorted(known)
    near = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    listed = ", ".join(names) if len(names) <= 24 else ", ".join(names[:24]) + ", ..."
    return f"Did you mean {near[0]}? Known: {listed}" if near else f"Known: {listed}"
