"""A receipt is over ordinary files with readable names and nothing else; a folder that differs is told file by file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.receipts import artefacts
from aurora_sim.treaty.receipts.artefacts import FileEntry, compare, folder_artefacts, list_files

NOT_ARTEFACTS = {
    "a link to a file": (lambda place: place.symlink_to("notes.txt"), "symbolic link"),
    "a link to a folder": (lambda place: place.symlink_to("logs"), "symbolic link"),
    "a link to nowhere": (lambda place: place.symlink_to("nowhere"), "symbolic link"),
    "a pipe": (os.mkfifo, "no ordinary file"),
}


@pytest.mark.parametrize("name", NOT_ARTEFACTS)
def test_no_receipt_is_made_over_it(job: Path, name: str) -> None:
    make, problem = NOT_ARTEFACTS[name]
    make(job / "logs" / name)
    with pytest.raises(InputError, match=problem) as raised:
        folder_artefacts(job)
    assert raised.value.where == f"{job}/logs/{name}"


@pytest.mark.parametrize("name", NOT_ARTEFACTS)
def test_one_that_was_added_later_is_found(ours, job: Path, name: str) -> None:
    (receipt,) = ours.make(job)
    make, problem = NOT_ARTEFACTS[name]
    make(job / "logs" / name)
    (fault,) = ours.faults(receipt, job)
    assert fault.part == f"artefact logs/{name}"
    assert fault.what.startswith("was added: it is")
    assert problem in fault.what


def test_one_in_the_place_of_an_artefact_is_found(ours, job: Path) -> None:
    """A link to the very same content is a change too: what it leads to is not in the folder."""
    (receipt,) = ours.make(job)
    (job / "model.bin").rename(job.parent / "elsewhere")
    (job / "model.bin").symlink_to(job.parent / "elsewhere")
    assert [str(fault) for fault in ours.faults(receipt, job)] == [
        "artefact model.bin: was changed: it is a symbolic link"
    ]


def test_names_that_are_not_utf8_are_refused(job: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    try:
        (job / name).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes no such name")
    with pytest.raises(InputError, match="not UTF-8") as raised:
        folder_artefacts(job)
    assert raised.value.where.endswith("caf\\xe9")


def test_names_in_every_script_and_with_odd_characters_are_artefacts(ours, job: Path) -> None:
    for name in ("résultat", "結果", "a b", "a\\b", 'quote"', "new\nline", "~", "z" * 200):
        (job / name).write_bytes(name.encode())
    (receipt,) = ours.make(job)
    assert ours.faults(receipt, job) == []
    assert [entry.path for entry in receipt.files] == sorted(folder_artefacts(job))


@pytest.mark.parametrize("what", ["missing", "file"])
def test_what_is_no_folder_is_said_so(tmp_path: Path, what: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="no such folder" if what == "missing" else "no folder"):
        folder_artefacts(tmp_path / what)


def test_each_difference_is_named(ours, job: Path) -> None:
    (receipt,) = ours.make(job)
    (job / "logs" / "run.log").write_bytes(b"step 1\nstep 3\n")
    (job / "model.bin").unlink()
    (job / "notes.txt").write_bytes(b"!")
    (job / "new").mkdir()
    (job / "new" / "file").write_bytes(b"")
    assert [tuple(difference) for difference in compare(receipt.files, job)] == [
        ("logs/run.log", "was changed: its size is the same, its content is not"),
        ("model.bin", "is missing"),
        ("new/file", "was added: the receipt does not know it"),
        ("notes.txt", "was changed: it has 1 bytes, and the receipt says 0"),
    ]


def test_a_folder_in_the_place_of_a_file_is_found(ours, job: Path) -> None:
    (receipt,) = ours.make(job)
    (job / "notes.txt").unlink()
    (job / "notes.txt").mkdir()
    assert [str(fault) for fault in ours.faults(receipt, job)] == ["artefact notes.txt: is missing"]


def test_a_file_that_is_written_to_while_it_is_read_is_refused(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artefacts, "READ_BYTES", 1000)
    pieces = artefacts.read_file(job / "model.bin")
    next(pieces)
    with (job / "model.bin").open("ab") as file:
        file.write(b"more")
    with pytest.raises(InputError, match="written to while it was read"):
        list(pieces)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_cannot_be_read_is_named(ours, job: Path) -> None:
    (receipt,) = ours.make(job)
    (job / "model.bin").chmod(0)
    (job / "logs").chmod(0)
    parts = {fault.part: fault.what for fault in ours.faults(receipt, job)}
    assert "cannot be read" in parts["artefact model.bin"]
    assert "cannot be read" in parts["artefact logs/"]
    with pytest.raises(InputError, match="cannot be read"):
        list_files(folder_artefacts(job))


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", "a\x00b"])
def test_paths_that_lead_out_of_the_folder_are_no_artefacts(path: str) -> None:
    with pytest.raises(ValidationError):
        FileEntry(path=path, size=0, sha256="0" * 64)


def test_a_link_that_took_a_files_place_is_not_followed(job: Path) -> None:
    """Between the listing of a folder and the reading of a file somebody may swap the two."""
    found = folder_artefacts(job)
    (job / "model.bin").unlink()
    (job / "model.bin").symlink_to("notes.txt")
    with pytest.raises(OSError, match="symbolic links"):
        list_files(found)
