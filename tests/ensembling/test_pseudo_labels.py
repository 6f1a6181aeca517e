"""Properties of the selected positives and negatives, for any ranking."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yt8m_attention.ensembling.pseudo_labels import Rule, choose
from yt8m_attention.errors import UserError


@st.composite
def rankings(draw):
    """(videos [R], usable [R], a Rule)."""
    segments = draw(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=40))
    videos, usable = (np.array([s[i] for s in segments], dtype) for i, dtype in ((0, np.int64), (1, bool)))
    positives = draw(st.integers(1, 8))
    negatives_from = draw(st.none() | st.integers(positives + 1, 45))
    return videos, usable, Rule(positives, draw(st.integers(0, 8)), negatives_from, draw(st.integers(0, 3)))


@given(rankings())
def test_no_segment_is_selected_twice_and_limits_hold(ranking):
    videos, usable, rule = ranking
    positives, negatives = choose(videos, usable, rule)
    assert len(positives) <= rule.positives and len(negatives) <= rule.negatives
    both = np.concatenate([positives, negatives])
    assert both.tolist() == sorted(set(both.tolist()))  # negatives rank below positives
    assert usable[both].all()
    if rule.max_per_video:
        for places in (positives, negatives):
            assert np.bincount(videos[places], minlength=1).max() <= rule.max_per_video


def _per_video(videos, places):
    return np.bincount(videos[places], minlength=6)


@given(rankings())
def test_positives_are_the_best_usable_segments(ranking):
    videos, usable, rule = ranking
    positives, _ = choose(videos, usable, rule)
    selected = []
    for place in np.flatnonzero(usable).tolist():  # a direct selection
        if len(selected) < rule.positives and (
            not rule.max_per_video or _per_video(videos, selected)[videos[place]] < rule.max_per_video
        ):
            selected.append(place)
    assert positives.tolist() == selected


@given(rankings())
def test_negatives_are_the_last_or_begin_at_a_rank(ranking):
    videos, usable, rule = ranking
    positives, negatives = choose(videos, usable, rule)
    if rule.negatives_from is None:
        mirrored = choose(videos[::-1], usable[::-1], Rule(max(rule.negatives, 1), 0, None, rule.max_per_video))[0]
        last = len(videos) - 1 - mirrored[: rule.negatives][::-1]
        above = positives[-1] if len(positives) else -1
        assert negatives.tolist() == last[last > above].tolist()
    else:
        assert (negatives >= rule.negatives_from - 1).all()


@given(rankings())
def test_fewer_are_selected_only_from_a_short_ranking(ranking):
    videos, usable, rule = ranking
    positives, negatives = choose(videos, usable, dataclasses.replace(rule, max_per_video=0))
    first = max(positives[-1] + 1 if len(positives) else 0, (rule.negatives_from or 1) - 1)
    assert len(positives) == min(rule.positives, usable.sum())
    assert len(negatives) == min(rule.negatives, usable[first:].sum())


@given(st.integers(0, 300), st.integers(1, 20), st.integers(0, 20))
def test_negatives_from_a_rank_are_spread_evenly(count, first, negatives):
    rule = Rule(first, negatives, negatives_from=first + 1)
    places = choose(np.arange(count), np.ones(count, bool), rule)[1]
    below = max(0, count - first)
    assert len(places) == min(negatives, below)
    if negatives < below and negatives:
        edges = np.concatenate([[2 * first - 1 - places[0]], places, [2 * count - 1 - places[-1]]])  # mirrored at ends
        assert np.ptp(np.diff(edges)) <= 2


def test_a_rank_among_the_positives_is_refused():
    with pytest.raises(UserError, match="--negatives_from=10: is among the best 10"):
        Rule(10, 10, negatives_from=10)
    Rule(10, 10, negatives_from=11)
