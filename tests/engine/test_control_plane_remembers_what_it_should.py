"""Whatever is accepted, given back, copied, lost and restored in whatever order: the books are those of what is remembered."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_sim.engine.control_plane import ControlPlane
from aurora_sim.treaty.ledger import QuotaLedger
from aurora_sim.treaty.nonce import MemoryNonceCache

events = st.lists(
    st.one_of(
        st.just(("accept", 0)),
        st.just(("accept", 0)),
        st.tuples(st.just("give back"), st.integers(0, 6)),
        st.just(("snapshot", 0)),
        st.just(("lose", 0)),
        st.tuples(st.just("restore"), st.integers(0, 1)),
    ),
    max_size=25,
)


@settings(max_examples=500, deadline=None)
@given(events)
def test_nonces_and_quota_are_those_of_the_orders_that_are_remembered(happened):
    nonces, ledger = MemoryNonceCache(), QuotaLedger(1e9, 1e9)
    plane = ControlPlane(nonces, ledger)
    plane.snapshot(-1.0)
    under_way = {}
    # What is remembered: nonces, and orders whose quota is taken; of now, of the snapshot, and with the log.
    seen, taken = set(), set()
    copied = with_log = (frozenset(), frozenset())
    given_back = set()
    for now, (what, which) in enumerate(happened):
        if what == "accept" and not plane.lost:
            order = SimpleNamespace(tenant_id="t", day=0, gpu_hours=1.0 + now, time_s=float(now), nonce=str(now))
            assert not nonces.check_and_set(order.nonce, order.time_s)
            ledger.take(order.tenant_id, order.day, order.gpu_hours)
            under_way[now] = order
            seen.add(now)
            taken.add(now)
        elif what == "give back" and which in under_way:
            plane.give_back(under_way.pop(which))
            if plane.lost:
                given_back.add(which)
            else:
                taken.discard(which)
        elif what == "snapshot" and not plane.lost:
            plane.snapshot(float(now))
            copied = frozenset(seen), frozenset(taken)
        elif what == "lose" and not plane.lost:
            plane.follow(True, float(now))
            with_log = frozenset(seen), frozenset(taken)
            assert plane.losses[-1].orders_in_gap == len(seen - copied[0])
            seen, taken, given_back = set(), set(), set()
        elif what == "restore" and plane.lost:
            plane.replay_log = bool(which)
            plane.follow(False, float(now))
            restored = with_log if which else copied
            seen, taken = set(restored[0]), set(restored[1]) - given_back
        assert set(map(int, nonces.snapshot())) == seen
        assert ledger.used_total == sum(1.0 + order for order in taken)
        ledger.check()
