"""A mistake in a scenario's `method` is told by its line, its key, and the words of the kind of fault that it stands in."""

# ruff: noqa: E501  (a message and what brings it about stand on one line)

from __future__ import annotations

from pathlib import Path

import pytest

from aurora_sim.scenario.errors import InputError
from aurora_sim.scenario.scenario import load

HEAD = "title: x\nstart: 2026-01-05T14:00:00Z\nsteps: 10\nmethod:\n"
KINDS = "attestation, bad-acks, bad-requests, bridge-slow, capacity, demand, disk-full, flood, gateway-clock, gateway-down, key-mismatch, latency, loss, network, outage, outage-history, policy-release, policy-slow, price, provenance, relayers, reputation, schema-drift, state-lost"  # fmt: skip

MISTAKES = [
    ("- {at: 0, for: 60}", "s.yaml:5: method.0: fault is missing. Add `fault: ...`, which says what kind of entry this is"),
    ("- {fault: outtage, at: 0}", f"s.yaml:5: method.0.fault: 'outtage' is not known. Did you mean outage? Known: {KINDS}"),
    ("- fault: 5\n  at: 0", f"s.yaml:5: method.0.fault: '5' is not known. Known: {KINDS}"),
    ("- [1]", "s.yaml:5: method.0: a list is not a mapping of keys to values. Write `key: value` lines under it, or {key: value}"),
    ("- fault: outage\n  provider: akash\n  at: 0\n  for: 60\n  for_s: 60", "s.yaml:9: method.0.for_s: for and for_s are the same key, and both are given. Keep for"),
    ("- fault: price\n  provider: akash\n  at: 0\n  for: 60\n  factor: 0", "s.yaml:9: method.0.factor: 0 is not above 0. Give a number above 0 and of at most 1000"),
    ("- fault: demand\n  at: 0\n  for: 60\n  factor: 1001", "s.yaml:8: method.0.factor: 1001 is above 1000. Give a number from 0 to 1000"),
    ("- {fault: demand, at: 0, for: 60, factor: 1}\n- {fault: latency, provider: akash,\n   at: 0, for: 60, factor: 0}", "s.yaml:7: method.1.factor: 0 is not above 0. Give a number above 0 and of at most 1000"),
    ("- fault: capacity\n  provider: akash\n  at: 0\n  for: 60\n  factor: 0.5\n  share: 1", "s.yaml:10: method.0.share: unknown key. Known: at, factor, fault, for, id, provider, ramp, repeat"),
    ("- fault: bad-requests\n  kind: replays\n  rate: 1\n  at: 0\n  for: 60", "s.yaml:6: method.0.kind: 'replays' is not known. Did you mean replay? Known: clock-skew, expired, replay, schema, signature"),
    ("- fault: outage\n  at: 0\n  for: 60", "s.yaml:5: method.0: it needs exactly one of provider, region, bridge; it has none. Name one"),
    ("- fault: outage\n  provider: akash\n  at: 0\n  for: 60\n  ramp: 90", "s.yaml:9: method.0.ramp: ramp (90 s) is longer than for (60 s). A fault comes on within its own time"),
    ("- fault: outage\n  provider: akash\n  at: 0\n  for: 60\n  repeat: {every: 90, time: 2}", "s.yaml:9: method.0.repeat.time: unknown key. Did you mean times? Known: every, times"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "message"), MISTAKES)
def test_a_mistake_is_told_in_its_kinds_words(
    method: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(HEAD + method, encoding="utf-8")
    with pytest.raises(InputError) as raised:
        load(Path("s.yaml"))
    assert str(raised.value) == message
