"""TopSegments equals a plain sort: any batches, merges, ids and ties, and fewer segments than k."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from yt8m_attention.errors import UserError
from yt8m_attention.inference import ranking
from yt8m_attention.inference.ranking import TopSegments
from yt8m_attention.metrics import sort_keys

# Few values, so that scores are often equal, and all other floats except NaN.
SCORES = st.one_of(st.sampled_from([0.0, -0.0, 0.5, 1.0, -1.0, np.inf, -np.inf]), st.floats(width=32, allow_nan=False))
NARROW = st.integers(0, 2**32 - 1)
WIDE = st.integers(-(2**63), 2**63 - 1)


@st.composite
def segments(draw):
    """(scores [N, C], ids [N])."""
    count, classes = draw(st.integers(0, 40)), draw(st.integers(1, 4))
    scores = draw(hnp.arrays(np.float32, (count, classes), elements=SCORES))
    ids = draw(st.sampled_from([st.integers(0, 99), NARROW, WIDE, st.one_of(st.integers(0, 50), WIDE)]))
    return scores, np.array(draw(st.lists(ids, min_size=count, max_size=count, unique=True)), np.int64)


def plain(scores, ids, k):
    """The reference: sorts all segments."""
    best = [np.lexsort((ids, -column))[:k] for column in scores.T]
    return [scores[b, c] for c, b in enumerate(best)], [ids[b] for b in best]


def assert_ranked(top, scores, ids):
    expected = plain(scores, ids, top.k)
    for ours, theirs in zip(top.result(), expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype


def added(top, scores, ids, cuts):
    bounds = [0, *sorted(cuts), len(ids)]
    for start, end in itertools.pairwise(bounds):
        top.add(scores[start:end], ids[start:end])
    return top


@pytest.fixture(autouse=True, params=[(8192, 256), (5, 2)], ids=["one block", "many blocks"])
def blocks(request, monkeypatch):
    """Small blocks, which few segments fill, and the real sizes."""
    monkeypatch.setattr(ranking, "_STAGED", request.param[0])
    monkeypatch.setattr(ranking, "_TRANSPOSED", request.param[1])


@given(segments(), st.integers(1, 50), st.lists(st.integers(0, 40), max_size=6))
def test_any_batches_rank_as_a_plain_sort(drawn, k, cuts):
    scores, ids = drawn
    assert_ranked(added(TopSegments(scores.shape[1], k), scores, ids, [c for c in cuts if c <= len(ids)]), scores, ids)


@given(segments(), st.integers(1, 12), st.data())
def test_merges_in_any_order_rank_as_a_plain_sort(drawn, k, data):
    scores, ids = drawn
    worker = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(ids), max_size=len(ids))), int)
    parts = [TopSegments(scores.shape[1], k) for _ in range(4)]
    for w, part in enumerate(parts):
        part.add(scores[worker == w], ids[worker == w])
    first, *others = data.draw(st.permutations(parts))
    for other in others:
        before = other.result()
        first.merge(other)
        np.testing.assert_equal(other.result(), before)
    assert_ranked(first, scores, ids)


@given(segments(), st.integers(1, 12), st.integers(0, 40), st.sampled_from([0, 1, 100, 2**32 - 50, 2**40]))
def test_an_offset_is_added_to_merged_ids(drawn, k, cut, offset):
    scores, ids = drawn
    first, second = TopSegments(scores.shape[1], k), TopSegments(scores.shape[1], k)
    first.add(scores[:cut], ids[:cut])
    second.add(scores[cut:], ids[cut:])
    moved = [*map(int, ids[:cut]), *(int(i) + offset for i in ids[cut:])]
    assume(len(set(moved)) == len(moved) and max(moved, default=0) < 2**63)
    first.merge(second, offset)
    assert_ranked(first, scores, np.array(moved, np.int64))


def test_an_offset_that_overflows_int64_is_refused():
    top = TopSegments(1, 1)
    top.add(np.ones((1, 1), np.float32), np.array([2**63 - 5]))
    with pytest.raises(ValueError, match="beyond int64"):
        TopSegments(1, 1).merge(top, 5)


def test_memory_holds_kept_ids_only():
    """For any number of large ids in any order."""
    random = np.random.default_rng(5)
    ids = random.permutation(3000) * 10**15 - 10**18
    scores = random.random((3000, 2), np.float32).round(2)
    top, known = TopSegments(2, 10), []
    for at in range(0, 3000, 100):
        top.add(scores[at : at + 100], ids[at : at + 100])
        top.result()
        known.append(top._table.size)
    assert_ranked(top, scores, ids)
    assert max(known) <= 2 * max(ranking._STAGED, 2 * 2 * 10) + ranking._STAGED  # two classes of up to 2*k


@given(segments(), st.integers(1, 12), st.integers(0, 40))
def test_more_can_be_added_after_a_result(drawn, k, cut):
    scores, ids = drawn
    top = TopSegments(scores.shape[1], k)
    top.add(scores[:cut], ids[:cut])
    assert_ranked(top, scores[:cut], ids[:cut])
    top.add(scores[cut:], ids[cut:])
    assert_ranked(top, scores, ids)


@given(drawn=segments(), k=st.integers(1, 12), cut=st.integers(0, 40))
def test_saved_and_loaded_is_the_same(tmp_path_factory, drawn, k, cut):
    scores, ids = drawn
    path = tmp_path_factory.mktemp("ranking") / "part.npz"
    top = TopSegments(scores.shape[1], k)
    top.add(scores[:cut], ids[:cut])
    top.save(path)
    loaded = TopSegments.load(path)
    loaded.add(scores[cut:], ids[cut:])
    assert_ranked(loaded, scores, ids)
    assert [p.name for p in path.parent.iterdir()] == ["part.npz"]


def test_real_block_sizes_overflow_too():
    random = np.random.default_rng(3)
    scores, ids = random.random((20_000, 3), np.float32).round(3), random.permutation(20_000)
    assert_ranked(added(TopSegments(3, 700), scores, ids, [1, 300, 9_000]), scores, ids)


def test_nan_is_refused_and_leaves_nothing_behind():
    top = TopSegments(2, 3)
    with pytest.raises(ValueError, match=r"class 1, segment 8.*NaN"):
        top.add(np.array([[0.5, 0.5], [0.5, np.nan]], np.float32), np.array([7, 8]))
    assert [len(ids) for ids in top.result()[1]] == [0, 0]


@pytest.mark.parametrize(
    ("scores", "ids"),
    [((2, 3), [1, 2]), ((2, 2), [1]), ((2,), [1, 2]), ((2, 2), [0.5, 1.0]), ((2, 2), np.array([1, 2**63], np.uint64))],
)
def test_wrong_shapes_and_ids_are_refused(scores, ids):
    with pytest.raises(ValueError, match="wanted"):
        TopSegments(2, 3).add(np.zeros(scores, np.float32), np.array(ids))


def test_unsigned_ids_are_valid_if_they_fit_int64():
    top, ids = TopSegments(1, 3), np.array([2**63 - 1, 5], np.uint64)
    top.add(np.zeros((2, 1), np.float32), ids)
    assert top.result()[1][0].tolist() == [5, 2**63 - 1]


def test_sizes_are_checked():
    with pytest.raises(ValueError, match="wanted 1"):
        TopSegments(2, 0)
    with pytest.raises(ValueError, match="same"):
        TopSegments(2, 3).merge(TopSegments(2, 4))


def test_a_file_of_something_else_is_refused(tmp_path):
    for name, content in (("text.npz", b"not a ranking"), ("empty.npz", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=name):
            TopSegments.load(tmp_path / name)
    np.savez(tmp_path / "other.npz", k=3)
    with pytest.raises(UserError, match=r"other\.npz"):
        TopSegments.load(tmp_path / "other.npz")
    whole = {"k": 3, "sizes": [1, 1], "table": np.array([-5, 7]), "keys": sort_keys.keys(np.ones(2), np.array([0, 1]))}
    np.savez(tmp_path / "whole.npz", **whole)
    assert [ids.tolist() for ids in TopSegments.load(tmp_path / "whole.npz").result()[1]] == [[-5], [7]]
    for wrong in ({"table": np.array([-5])}, {"table": np.array([7, -5])}, {"sizes": [2, 1]}, {"k": 0}):
        np.savez(tmp_path / "wrong.npz", **whole | wrong)
        with pytest.raises(UserError, match=r"wrong\.npz"):
            TopSegments.load(tmp_path / "wrong.npz")
    with pytest.raises(UserError, match="absent"):
        TopSegments.load(tmp_path / "absent.npz")
    with pytest.raises(UserError, match="file"):
        (tmp_path / "file").write_text("")
        TopSegments(1, 1).save(tmp_path / "file" / "under_a_file.npz")
