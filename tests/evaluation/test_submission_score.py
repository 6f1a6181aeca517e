"""The score of a submission equals the reference for any ranking, and SegmentMetrics for the same scores."""

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from yt8m_attention.errors import UserError
from yt8m_attention.evaluation import evaluate_submission, submission_score
from yt8m_attention.evaluation.submission_score import Ratings
from yt8m_attention.inference import submission
from yt8m_attention.inference.ranking import TopSegments
from yt8m_attention.inference.segment_names import Names
from yt8m_attention.metrics import reference
from yt8m_attention.metrics.streaming import SegmentMetrics


def ratings_of(triples):
    """Ratings from {(video, start, class): rating}."""
    videos, starts, classes = zip(*triples, strict=True) if triples else ((), (), ())
    return Ratings(np.array(videos, str), np.array(starts, int), np.array(classes, int), np.array([*triples.values()]))


def row(class_id, segments):
    return submission.Row(class_id, Names.of([segment.encode() for segment in segments]), 0)


SEGMENTS = st.tuples(st.sampled_from(["a", "b", "c", "abcdefgh", "abcdefghijklmnop\u00e9"]), st.integers(0, 2))


@given(
    st.dictionaries(st.integers(0, 5), st.lists(SEGMENTS, unique=True), max_size=4),
    st.dictionaries(st.tuples(SEGMENTS, st.integers(0, 5)), st.sampled_from([0.0, 1.0]), max_size=20),
    st.integers(1, 5),
)
def test_score_equals_the_reference(ranked, rated, top_n):
    ranked = {c: [f"{video}:{start}" for video, start in segments] for c, segments in ranked.items()}
    rows = [row(c, segments) for c, segments in ranked.items()]
    result = submission_score.score(rows, ratings_of({(*s, c): r for (s, c), r in rated.items()}), top_n)
    by_class = {}
    for ((video, start), c), rating in rated.items():
        by_class.setdefault(c, {})[f"{video}:{start}"] = rating
    expected = reference.mean_average_precision_at_k(ranked, by_class, top_n)
    assert result["map"] == pytest.approx(expected, nan_ok=True)
    assert result["rated_pairs"] == len(rated)
    assert result["classes"] == sum(any(of.values()) for of in by_class.values()) == len(result["per_class"])
    known = {name for of in by_class.values() for name in of}
    assert result["unknown_segments"] == len({s for segments in ranked.values() for s in segments} - known)
    for c, (precision, positives, of) in result["per_class"].items():
        assert precision == pytest.approx(reference.mean_average_precision_at_k(ranked, {c: by_class[c]}, top_n))
        assert (positives, of) == (sum(by_class[c].values()), len(by_class[c]))


@given(st.data(), st.tuples(st.integers(1, 12), st.integers(1, 4)), st.integers(0, 3))
def test_a_submission_scores_like_segment_metrics(tmp_path_factory, data, shape, spare):
    """All steps, scores -> ranking -> file -> score, with ties and unrated segments."""
    scores = data.draw(hnp.arrays(np.float32, shape, elements=st.sampled_from([0.0, 0.5, 1.0])))
    labels, rated = (data.draw(hnp.arrays(bool, shape)) for _ in range(2))
    count, top_n = shape[0], shape[0] + spare
    metrics, top = SegmentMetrics(shape[1]), TopSegments(shape[1], top_n)
    metrics.add(scores, labels, rated, np.arange(count))
    top.add(scores, np.arange(count))

    videos, starts = np.array([f"v{i // 3}" for i in range(count)]), np.arange(count) % 3 * 5
    path = tmp_path_factory.mktemp("scored") / "segments.csv"
    submission.write(path, range(shape[1]), submission.segment_names(videos, starts), top.result()[1])
    rows, classes = np.nonzero(rated)
    ratings = Ratings(videos[rows].astype(bytes), starts[rows], classes, labels[rows, classes])
    ours = submission_score.score(submission.read(path, top_n), ratings, top_n)
    theirs = metrics.result(top_n)
    assert ours["map"] == pytest.approx(theirs["segment_map"], nan_ok=True)
    assert ours["per_class"] == theirs["per_class"]
    assert (ours["classes"], ours["rated_pairs"]) == (theirs["classes"], theirs["rated_pairs"])
    assert ours["unknown_segments"] == (~rated.any(axis=1)).sum()


@given(st.lists(st.lists(st.integers(1, 300), unique=True, max_size=60), max_size=8), st.sampled_from([1, 50]))
def test_distinct_keys_equal_a_set(parts, least):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(submission_score, "_MIN_PENDING", least)
        patch.setattr(submission_score, "_TABLE_BITS", 4)  # forces collisions
        distinct = submission_score._DistinctKeys()
        for part in parts:
            distinct.add(np.array(part, np.uint64))
        assert distinct.keys().tolist() == sorted(set().union(*parts))


def test_the_last_rating_of_a_pair_counts():
    ratings = Ratings(np.array(["a", "a"]), np.array([0, 0]), np.array([2, 2]), np.array([0.0, 1.0]))
    result = submission_score.score([row(2, ["a:0"])], ratings)
    assert result["per_class"] == {2: (1.0, 1, 1)}


def test_a_large_class_id_needs_no_more_memory():
    large = 10**12  # an array of this length does not fit into memory
    ratings = Ratings(np.array(["a", "b"]), np.array([0, 0]), np.array([large, 3]), np.array([1.0, 1.0]))
    result = submission_score.score([row(3, []), row(large, ["a:0"])], ratings)
    assert result["per_class"] == {3: (0.0, 1, 1), large: (1.0, 1, 1)} and result["map"] == 0.5


def test_label_cache_round_trip(tmp_path):
    ratings = ratings_of({("a", 5, 1): 1.0, ("\u00e9", 10, 2): 0.0})
    submission_score.save_ratings(tmp_path / "labels.npz", ratings, ["one", "two"])
    found = submission_score.load_ratings(tmp_path / "labels.npz", ["one", "two"])
    assert found.video_ids.tolist() == [b"a", "\u00e9".encode()]
    for ours, theirs in zip(found[1:], ratings[1:], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert submission_score.load_ratings(tmp_path / "labels.npz", ["one", "three"]) is None
    assert [p.name for p in tmp_path.iterdir()] == ["labels.npz"]


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "text.npz").write_text("not a cache")
    np.savez(tmp_path / "other.npz", k=3)
    np.savez(tmp_path / "pickled.npz", video_ids=np.array(["a", None]))
    for name in ("text.npz", "other.npz", "pickled.npz", "absent.npz"):
        with pytest.raises(UserError, match=f"--label_cache=.*{name}"):
            submission_score.load_ratings(tmp_path / name, [])


CACHE = {"video_ids": np.array(["a", "b"]), "starts": np.array([0, 5]), "classes": np.array([1, 1]),
         "scores": np.array([0, 1]), "origin": np.array([], str)}  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [{"starts": np.array([0])}, {"classes": np.array(1)}, {"starts": np.array([0.0, np.nan])},
     {"starts": np.array(["0", "5"])}, {"video_ids": np.array([3, 4])}, {"video_ids": np.array([b"a", b"\xff"])},
     {"scores": np.array([0, np.nan])}, {"scores": np.array([0.5, 1])}, {"scores": np.array([[0], [1]])},
     {"classes": np.array([1, -1])}, {"starts": np.array([0, -5])}, {"starts": np.array([0, 2**63], np.uint64)}],
    ids=str,
)  # fmt: skip
def test_a_label_cache_without_valid_ratings_is_refused(tmp_path, changed):
    path = tmp_path / "labels.npz"
    np.savez(path, **CACHE)
    assert len(submission_score.load_ratings(path, []).starts) == 2
    np.savez(path, **CACHE | changed)
    with pytest.raises(UserError, match=f"--label_cache={path}: is no label cache"):
        submission_score.load_ratings(path, [])


def test_a_label_cache_is_used_only_for_the_same_unchanged_files(tmp_path, planted, capsys):
    data = tmp_path / "data"
    data.mkdir()
    for path in sorted((planted / "test").glob("*.tfrecord")):
        shutil.copy(path, data)
    (tmp_path / "s.csv").write_text("Class,Segments\n0,a:0\n")

    def pairs(pattern="data/*"):
        return evaluate_submission.score(
            str(tmp_path / "s.csv"), f"{tmp_path}/{pattern}", 5, label_cache=str(tmp_path / "labels.npz")
        )["rated_pairs"]

    whole = pairs()
    capsys.readouterr()
    written = (tmp_path / "labels.npz").stat().st_mtime_ns
    assert pairs() == whole and (tmp_path / "labels.npz").stat().st_mtime_ns == written
    assert "--label_cache" not in capsys.readouterr().err
    first, second, *_ = sorted(data.glob("*.tfrecord"))
    assert 0 < pairs(f"data/{first.name}") < whole  # another pattern
    assert "has ratings of other or changed files" in capsys.readouterr().err
    assert pairs() == whole
    first.unlink()  # other files of one pattern
    fewer = pairs()
    assert fewer < whole
    shutil.copy(second, first)  # another file of one name
    capsys.readouterr()
    assert pairs() == fewer and "has ratings of other or changed files" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"--eval_data_pattern=.*none: matches no files"):
        pairs("none")
