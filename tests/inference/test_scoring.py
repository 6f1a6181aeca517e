"""The fast scorer equals the model."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tests.layer_case import assert_close, randomize
from tests.models.network_case import SMALL, bags, part
from yt8m_attention import config, schema
from yt8m_attention.inference import scoring
from yt8m_attention.models import registry

NEAR_TIE = 0.05  # closer probabilities may change their order (docs/performance.md)


_built = functools.cache(registry.build)


def build(**changes):
    """Builds the same network with the same weights each time."""
    model = _built(config.Model(**({"model": "multi_attention"} | SMALL | changes)))
    randomize(model)
    return model


def tensors(inputs):
    return {name: tf.constant(value) for name, value in inputs.items()}


@pytest.mark.parametrize("changes", [{}, {"video_level_classifier_model": "logistic"}], ids=str)
def test_scores_equal_the_models(changes):
    model, inputs = build(**changes), bags()
    found, wanted = scoring.make_scorer(model, [5, 0, 3])(tensors(inputs)), model(inputs)
    assert_close(found["probabilities"], np.asarray(wanted["probabilities"])[:, [5, 0, 3]], 1e-5)
    assert_close(found["attention"], wanted["attention"], 1e-5)


def test_floats_score_as_their_bytes_and_padding_has_no_effect():
    score, inputs = scoring.make_scorer(build()), bags()
    values = np.float32(inputs["frames"] * schema.QUANTIZED_STEP + schema.QUANTIZED_OFFSET)
    values[~inputs["mask"]] = np.nan
    answer = score(tensors(inputs | {"frames": values}))["probabilities"]
    assert_close(answer, score(tensors(inputs))["probabilities"], 1e-5)


def test_empty_bag_is_finite_and_does_not_change_the_others():
    score, inputs = scoring.make_scorer(build()), bags()
    inputs["mask"][2] = False
    answer, others = score(tensors(inputs))["probabilities"], [0, 1, 3, 4]
    assert np.isfinite(answer).all()
    assert_close(answer[others], score(tensors(part(inputs, others)))["probabilities"], 1e-6)


@pytest.mark.parametrize("make", [scoring.make_scorer, scoring.Scorer])
def test_row_is_scored_alone_as_in_any_batch(make):
    score, inputs = make(build()), bags()
    together = score(tensors(inputs))["probabilities"]
    for i in range(5):
        assert_close(score(tensors(part(inputs, slice(i, i + 1))))["probabilities"], together[i : i + 1], 1e-6)


def test_the_same_batch_has_the_same_bits():
    score, batch = scoring.make_scorer(build()), tensors(bags(count=64))
    first = score(batch)["probabilities"]
    assert all((score(batch)["probabilities"] == first).all() for _ in range(200))


def test_bfloat16_ranks_as_float32_except_near_ties():
    model, rng = build(num_classes=12), np.random.default_rng(3)
    for weight in model.classifier.weights:
        weight.assign(20 * weight)  # so that scores cover 0 to 1, as in a trained network
    batch = tensors({"frames": rng.integers(0, 256, (400, 5, 20), dtype=np.uint8), "mask": np.ones((400, 5), bool)})
    exact, rounded = (
        scoring.make_scorer(model, None, name)(batch)["probabilities"] for name in ("float32", "mixed_bfloat16")
    )
    assert np.abs(exact - rounded).max() > 1e-5  # otherwise it was not bfloat16
    taus = [stats.kendalltau(exact[:, c], rounded[:, c]).statistic for c in range(12)]
    assert np.mean(taus) > 0.97, taus
    assert np.ptp(exact) > 0.9
    swapped = (exact[:, None] < exact[None]) & (rounded[:, None] > rounded[None])
    assert np.abs(exact[:, None] - exact[None])[swapped].max() < NEAR_TIE


def test_folded_scorer_keeps_its_weights_and_the_plain_one_follows_the_model():
    model, batch = build(), tensors(bags())
    folded, plain = scoring.make_scorer(model), scoring.Scorer(model)
    before = folded(batch)["probabilities"]
    assert_close(plain(batch)["probabilities"], before, 1e-5)
    randomize(model, seed=5)
    np.testing.assert_allclose(folded(batch)["probabilities"], before, rtol=1e-5, atol=1e-6)
    assert np.abs(plain(batch)["probabilities"] - before).max() > 1e-2


@pytest.mark.parametrize("make", [scoring.make_scorer, scoring.Scorer])
@pytest.mark.parametrize("frames", [2, 5])
def test_overlapping_windows_are_scored_as_bags(make, frames):
    score, rng = make(build(), [4, 1]), np.random.default_rng(2)
    video = rng.integers(0, 256, (30, 20), dtype=np.uint8)
    places = np.arange(0, 30 - frames + 1, 2)[:, None] + np.arange(frames)
    bagged = {"frames": video[places], "mask": np.ones(places.shape, bool)}
    wanted = score(tensors(bagged))["probabilities"]
    assert wanted.shape == (len(places), 2)
    assert_close(score.windows(video, places), wanted, 1e-5)
    assert_close(score.windows(video, places[3:4]), wanted[3:4], 1e-5)
    other = rng.permutation(video)
    assert_close(
        score.windows(other, places), score(tensors(bagged | {"frames": other[places]}))["probabilities"], 1e-5
    )
