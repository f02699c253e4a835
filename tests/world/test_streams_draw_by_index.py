"""A draw belongs to its name, kind, index and seed alone: not to when, how often or beside what else it is asked for."""

from __future__ import annotations

import itertools
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_sim.world.streams import BLOCK, KEPT_BLOCKS, Streams

KINDS = ("normal", "uniform", "exponential")
indexes = st.integers(0, 5 * BLOCK)


def block(streams: Streams, kind: str, name: str, number: int) -> list[float]:
    return {"normal": streams.normal, "uniform": streams.uniform, "exponential": streams.exponential}[kind](
        name, number
    ).tolist()


@settings(max_examples=50, deadline=None)
@given(st.lists(indexes, min_size=1, max_size=30), st.sampled_from(KINDS), st.integers(0, 2**32))
def test_any_order_of_asking_gives_the_same_draws(asked, kind, seed):
    forwards = Streams(seed).lookup("demand", kind)
    in_order = {index: forwards.at(index) for index in sorted(asked)}
    as_asked = Streams(seed).lookup("demand", kind)
    assert [as_asked.at(index) for index in asked] == [in_order[index] for index in asked]


@pytest.mark.parametrize("kind", KINDS)
def test_a_block_that_was_dropped_is_made_again_equal(kind):
    stream = Streams(7).lookup("demand", kind)
    first = [stream.at(index) for index in range(10)]
    for number in range(1, 2 * KEPT_BLOCKS):
        stream.at(number * BLOCK)
    assert [stream.at(index) for index in range(10)] == first


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("index", [0, 1, BLOCK - 1, BLOCK, 3 * BLOCK + 17])
def test_a_draw_alone_is_the_draw_of_its_block(kind, index):
    streams = Streams(11)
    number, place = divmod(index, BLOCK)
    assert streams.lookup("demand", kind).at(index) == block(streams, kind, "demand", number)[place]


def test_one_stream_s_draws_leave_another_s_alone():
    alone = Streams(3).lookup("a", "uniform")
    expected = [alone.at(index) for index in range(50)]
    streams = Streams(3)
    mine, other = streams.lookup("a", "uniform"), streams.lookup("b", "uniform")
    found = []
    for index in range(50):
        other.at(997 * index)
        found.append(mine.at(index))
    assert found == expected


@pytest.mark.parametrize("kind", KINDS)
def test_names_blocks_and_seeds_have_draws_of_their_own(kind):
    keys = list(itertools.product((1, 2), ("a", "b", "a/b"), (0, 1)))
    blocks = {key: tuple(block(Streams(key[0]), kind, key[1], key[2])) for key in keys}
    assert len({draw for draws in blocks.values() for draw in draws}) == len(keys) * BLOCK


def test_no_block_comes_twice():
    stream = Streams(1).lookup("demand", "uniform")
    assert len({stream.at(number * BLOCK) for number in range(300)}) == 300


def test_streams_of_like_names_do_not_go_together():
    draws = [Streams(5).normal(name, 0) for name in ("a/gap", "a/gaq", "b/gap", "a/gap2")]
    for one, other in itertools.combinations(draws, 2):
        # The correlation of 1,024 independent pairs has sd 1/32; 5 sd for each of six pairs.
        assert abs(float((one * other).mean())) < 5 / 32


GOLDEN = {
    "normal": {
        0: -0.9678176449056004,
        1023: 1.2439459294404454,
        4095: 1.1210226072467375,
        4096: -0.9677151973251277,
        5000: 0.43585210621987286,
    },
    "uniform": {
        0: 0.8611277946344398,
        1023: 0.47030571917148734,
        4095: 0.33486668589378654,
        4096: 0.8094395015832903,
        5000: 0.8908385959471947,
    },
    "exponential": {
        0: 1.9141514625237046,
        1023: 0.6407798511718596,
        4095: 0.8651083733545751,
        4096: 1.272527319163275,
        5000: 0.1344064178502368,
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_draws_are_those_of_the_runs_before(kind):
    stream = Streams(42).lookup("tenant-dao/bridge/network", kind)
    assert {index: stream.at(index) for index in GOLDEN[kind]} == GOLDEN[kind]


@given(st.one_of(st.integers(0, 2**32 + 5), st.integers(2**32, 2**130)), st.text(max_size=8), st.integers(0, 2**32 - 1))
def test_a_block_is_seeded_by_numpys_own_spawn_key(seed, name, number):
    key = np.random.SeedSequence([seed, crc32(name.encode())], spawn_key=(number,))
    expected = np.random.Generator(np.random.PCG64(key)).random(2)
    assert Streams(seed).generator(name, number).random(2).tolist() == expected.tolist()
