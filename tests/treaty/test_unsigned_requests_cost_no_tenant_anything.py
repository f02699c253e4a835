"""What an honest tenant gets is the same with and without any number of requests in its name that it did not sign."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from treaty_orders import an_order

from aurora_sim.treaty.gateway import Gateway, TokenBucketSettings

TENANTS = ["tenant-research", "tenant-dao"]
honest = st.tuples(st.floats(0, 60), st.just(True), st.sampled_from(TENANTS), st.sampled_from(["10.0.0.1", "10.0.0.2"]))
forged = st.tuples(st.floats(0, 60), st.just(False), st.sampled_from(TENANTS), st.sampled_from(["6.6.6.6", "6.6.6.7"]))


@given(st.lists(honest, max_size=30), st.lists(forged, max_size=60))
def test_answers_to_the_honest_do_not_change(honest_requests, forged_requests):
    def answers(requests):
        gateway = Gateway(
            ["A100"], ["eu-west-1"], 30.0, 64, TokenBucketSettings(0.5, 3), source_rate=TokenBucketSettings(2.0, 4)
        )
        given_answers = []
        for now_s, signed, tenant_id, source in sorted(requests):
            order = an_order(tenant_id=tenant_id, source=source, signature_valid=signed)
            answer = gateway.check(order, now_s) or gateway.admit(order, now_s)
            if signed:
                given_answers.append(answer)
            else:
                assert answer is not None
        return given_answers

    assert answers(honest_requests + forged_requests) == answers(honest_requests)
