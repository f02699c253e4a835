"""Promise: whatever the bytes of a file, reading it gives a Document or one InputError, soon, and never a crash."""

# ruff: noqa: PT017, RUF005  (a Document is as good an outcome as an InputError)

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_sim.scenario import yaml_events
from aurora_sim.scenario.document import Document, apply_overrides, read_document
from aurora_sim.scenario.errors import InputError

# Runs in a process of its own, so that a segmentation fault or a hang is a failure of the test and not of the test run.
_READ = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from aurora_sim.scenario.document import read_document
from aurora_sim.scenario.errors import InputError
try:
    read_document(Path(sys.argv[1]))
except InputError as error:
    print(error)
"""

LAUGHS = "a0: &a0 [lol]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
MERGES = "a0: &a0 {k: 1}\n" + "".join(f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 15))
BOMBS = {
    "brackets.yaml": ("[" * 1_000_000, "nested more than 32 deep"),
    "braces.yaml": ("{" * 1_000_000, "a mapping is used as a key"),
    "bracket_pairs.yaml": ("[{a: " * 200_000, "nested more than 32 deep"),
    "brackets.json": ("[" * 1_000_000, "nested more than 32 deep"),
    "braces.json": ('{"a":' * 200_000, "nested more than 32 deep"),
    "dashes.yaml": ("- " * 500_000, "nested more than 32 deep"),
    "questions.yaml": ("? " * 500_000, "is used as a key"),
    "indents.yaml": ("".join(" " * depth + "a:\n" for depth in range(1400)), "nested more than 32 deep"),
    "laughs.yaml": (LAUGHS, "an anchor (&a0) is used"),
    "merges.yaml": (MERGES, "an anchor (&a0) is used"),
    "large.yaml": ("#" * 1_100_000, "larger than 1048576 bytes"),
    "many.yaml": ("".join(f"k{n}: 1\n" for n in range(90_000)), "more than 50000 keys and values"),
    "many.json": ("[" + "1," * 500_000 + "1]", "more than 50000 keys and values"),
    "digits.yaml": ("a: " + "9" * 1_000_000, "is too large a whole number"),
    "digits.json": ('{"a": ' + "9" * 1_000_000 + "}", "is too large a whole number"),
    "quote.json": ('{"a": "' + "\\\\" * 500_000, "is not closed"),
    "tags.yaml": ("a: " + "!!x " * 250_000, "the tag !!x is used"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_within_seconds_and_a_gigabyte(name: str, tmp_path: Path) -> None:
    text, message = BOMBS[name]
    (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(tmp_path / name)], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert message in done.stdout
    assert len(done.stdout) < 500 + len(str(tmp_path))
    assert done.stdout.count("\n") == 1


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """libyaml's parser, and the pure one that stands in where libyaml is absent."""
    if not hasattr(yaml, request.param):
        pytest.skip("this PyYAML was built without libyaml")
    monkeypatch.setattr(yaml_events, "_LOADER", getattr(yaml, request.param))


_YAML_PIECES = st.sampled_from(
    ["a", "b: ", ": ", "- ", "\n", "  ", "\t", "[", "]", "{", "}", ",", "&x ", "*x", "!!int ", "! ", "|", ">", "'", '"']
    + [
        "\\u",
        "\\UFFFFFFFF",
        "\\",
        "#",
        "? ",
        "---",
        "...",
        "%YAML 9.9\n",
        "%TAG",
        "<<: ",
        "1e3",
        ".inf",
        "0x",
        "null",
        "~",
    ]
    + ["\x00", "\x1b", "\x85", "\u2028", "\ufeff", "😀", "@", "`", "true", "9" * 30]
)
_JSON_PIECES = st.sampled_from(
    [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        '"',
        '"a"',
        '"b":',
        "1",
        "-",
        "1e999",
        "NaN",
        "tru",
        "true",
        "\\u",
        '"\\ud800"',
        "\t",
        "\n",
    ]
    + ["//", "'", "\x00", "😀", "null", '"\\x"', "01", "1.", '"\u2028"']
)
_CONTENTS = (
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.lists(_YAML_PIECES | _JSON_PIECES, max_size=40).map(lambda pieces: "".join(pieces).encode())
)


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_any_bytes_give_a_document_or_an_input_error(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"any{suffix}"

    @settings(max_examples=400, deadline=None)
    @given(_CONTENTS)
    def read(content: bytes) -> None:
        path.write_bytes(content)
        try:
            document = read_document(path)
        except InputError as error:
            assert error.what
            assert error.mend
            assert str(error).isprintable()  # one line, and no escape sequences
        else:
            json.dumps(document.data, allow_nan=False).encode()
            assert () in document.marks

    read()


_ASSIGNMENT = st.text(max_size=30) | st.lists(_YAML_PIECES | st.sampled_from([".", "=", "0", "list"]), max_size=12).map(
    "".join
)


@settings(max_examples=400, deadline=None)
@given(st.lists(_ASSIGNMENT, max_size=3))
def test_any_override_gives_a_document_or_an_input_error(assignments: list[str]) -> None:
    document = Document(Path("s.yaml"), {"a": {"b": 1}, "list": [{}]}, {(): (1, 1)}, "")
    try:
        changed = apply_overrides(document, assignments)
    except InputError as error:
        assert error.where.startswith("--set ")
        assert str(error).isprintable()
    else:
        json.dumps(changed.data, allow_nan=False).encode()
    assert document.data == {"a": {"b": 1}, "list": [{}]}
