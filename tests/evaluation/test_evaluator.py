"""Metrics of an evaluation, compared with the reference, for perfect and for random models."""

import hashlib

import numpy as np
import pytest

from tests.training import runs
from yt8m_attention.config import Data, Scoring
from yt8m_attention.data import rating_reader
from yt8m_attention.data.formats import label_ids
from yt8m_attention.errors import UserError
from yt8m_attention.evaluation import evaluator
from yt8m_attention.metrics import reference


@pytest.fixture(scope="module")
def examples(planted):
    classes = label_ids.read(planted / "segment_label_ids.csv")
    data = Data(features=runs.FEATURES, num_classes=6, segment_classes=classes)
    return evaluator.Examples(str(planted / "test" / "*.tfrecord"), data)


def _random(batch):
    """Random scores that depend only on the id and start of a bag, as a model's scores depend on its frames."""
    keys = [video + b"%d" % start for video, start in zip(batch["id"].numpy(), batch["start"].numpy(), strict=True)]
    seeds = [int.from_bytes(hashlib.blake2b(key, digest_size=4).digest(), "big") for key in keys]
    rows = [np.random.default_rng(seed).random(6, np.float32).round(1) for seed in seeds]  # rounded: many ties
    return {"probabilities": np.stack(rows)}


def _perfect(batch):
    return {"probabilities": batch["labels"].numpy().astype(np.float32)}


def _evaluate(score, examples, **options):
    return evaluator.evaluate(score, examples, np.ones(6, np.float32), segments=True, **options)


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_segment_map_equals_the_reference(examples, weight):
    result = _evaluate(_random, examples, scoring=Scoring(video_score_weight=weight))
    ranked, ratings = {}, {}
    rows = [(batch["ordinal"].numpy(), batch["labels"].numpy(), batch["rated"].numpy(), _random(batch)["probabilities"])
            for batch in examples.batches("rated_segments")]  # fmt: skip
    ordinals, labels, rated, scores = (np.concatenate(part) for part in zip(*rows, strict=True))
    scores = np.float32(scores ** (1 - weight) * _video_scores(examples) ** weight)
    for c in examples.data.segment_classes:
        keep = np.flatnonzero(rated[:, c])
        order = np.lexsort((ordinals[keep], -scores[keep, c]))
        ranked[c] = ordinals[keep][order].tolist()
        ratings[c] = dict(zip(ordinals[keep].tolist(), labels[keep, c].tolist(), strict=True))
    assert np.isclose(result["segment_map"], reference.mean_average_precision_at_k(ranked, ratings))
    assert result["rated_pairs"] == sum(map(len, ratings.values()))
    assert result["classes"] == sum(any(r.values()) for r in ratings.values())


def _video_scores(examples):
    """Scores of _random for the video of each rated segment."""
    videos = {}
    for batch in examples.batches("videos"):
        videos.update(zip(batch["id"].numpy(), _random(batch)["probabilities"], strict=True))
    return np.stack([videos[i] for batch in examples.batches("rated_segments") for i in batch["id"].numpy()])


def test_a_weight_of_one_gives_the_copied_video_score(examples):
    result = _evaluate(_random, examples, scoring=Scoring(video_score_weight=1.0))
    assert result["segment_map"] == result["copied_video_score_map"] != _evaluate(_random, examples)["segment_map"]


def test_a_perfect_model_scores_one_and_its_copied_video_score_does_not(examples):
    result = _evaluate(_perfect, examples)
    assert result["segment_map"] == 1.0
    assert result["gap"] == result["map"] == result["hit_at_one"] == result["perr"] == 1.0
    assert result["loss"] < 1e-3
    # Each rated class is a label of its video, so even a perfect video score cannot rank segments within a video.
    assert result["copied_video_score_map"] < 0.9


def test_chance_is_the_share_of_positives(examples, planted):
    ratings = rating_reader.read_ratings(str(planted / "test" / "*.tfrecord"))
    shares = [ratings.scores[ratings.classes == c].mean() for c in examples.data.segment_classes]
    assert np.isclose(_evaluate(_random, examples)["chance"], np.mean([share for share in shares if share > 0]))


def test_only_listed_classes_count(examples):
    listed = evaluator.Examples(examples.pattern, Data(features=runs.FEATURES, num_classes=6,
                                                       segment_classes=examples.data.segment_classes[:1]))  # fmt: skip
    result, whole = _evaluate(_random, listed), _evaluate(_random, examples)
    assert result["classes"] == 1 and result["rated_pairs"] < whole["rated_pairs"]
    assert result["per_class"].items() <= whole["per_class"].items()


def test_a_limit_bounds_videos_and_segments(examples):
    limited = evaluator.Examples(examples.pattern, examples.data, limit=7)
    assert _evaluate(_random, limited)["videos"] == 7
    assert sum(len(batch["id"]) for batch in limited.batches("rated_segments")) == 7


def test_videos_without_ratings_are_refused(planted):
    data = Data(features=runs.FEATURES, num_classes=6)
    with pytest.raises(UserError, match="rated"):
        _evaluate(_random, evaluator.Examples(str(planted / "train" / "*.tfrecord"), data))


@pytest.mark.parametrize("item", ["a video", "a segment"])
def test_a_score_that_is_not_a_number_is_refused(examples, item):
    """Finite but large weights give such scores."""

    def score(batch):
        probabilities = _random(batch)["probabilities"]
        probabilities[1, 4] = np.nan if (batch["start"].numpy()[1] < 0) == (item == "a video") else 0.5
        return {"probabilities": probabilities}

    with pytest.raises(UserError, match=r"gives NaN for class 4 of video b'.*a lower --base_learning_rate"):
        _evaluate(score, examples)
