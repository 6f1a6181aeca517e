"""Folded networks against the networks themselves."""

import numpy as np
import pytest
from keras import ops

from tests.layer_case import assert_close
from tests.models.network_case import NetworkCase, bags
from yt8m_attention import config
from yt8m_attention.models import folded


class _Network(NetworkCase):
    __test__ = False
    model = "multi_attention"


NETWORK = _Network()


def inputs_of(batch):
    return {"frames_BTF": ops.convert_to_tensor(batch["frames"]), "mask_BT": ops.convert_to_tensor(batch["mask"])}


@pytest.mark.parametrize("classes", [None, [5, 0, 3]])
@pytest.mark.parametrize("changes", [
    {}, {"attention_normalizer": "softmax"}, {"context_gating": False}, {"moe_num_mixtures": 1},
    {"moe_num_mixtures": 4, "moe_probability_gating": False}, {"video_level_classifier_model": "logistic"},
    {"model": "attention"}, {"features": config.Features(("audio",), (20,)), "attention_sizes": (6,)},
], ids=str)  # fmt: skip
def test_answers_as_the_model_does(changes, classes):
    model, inputs = NETWORK.build(**changes), bags()
    found, wanted = folded.fold(model, classes)(**inputs_of(inputs)), model(inputs)
    columns = slice(None) if classes is None else classes
    assert set(found) == set(wanted)
    assert_close(found.pop("probabilities"), np.asarray(wanted["probabilities"])[:, columns], 1e-5)
    for name, value in found.items():
        assert_close(value, wanted[name], 1e-5)


@pytest.mark.parametrize("frames", [1, 2, 3, 9])
def test_answers_as_the_model_does_with_fewer_and_with_more_frames_than_heads(frames):
    model, rng = NETWORK.build(), np.random.default_rng(1)
    inputs = {"frames": rng.integers(0, 256, (4, frames, 20), dtype=np.uint8), "mask": rng.random((4, frames)) < 0.7}
    inputs["mask"][:, 0] = True
    assert_close(folded.fold(model)(**inputs_of(inputs))["probabilities"], model(inputs)["probabilities"], 1e-5)


def test_bytes_of_the_least_and_greatest_value_are_scored_as_by_the_model():
    model = NETWORK.build()
    frames = np.zeros((3, 4, 20), np.uint8)
    frames[1] = 255
    frames[2, :, ::2] = 128
    inputs = {"frames": frames, "mask": np.ones((3, 4), bool)}
    assert_close(folded.fold(model)(**inputs_of(inputs))["probabilities"], model(inputs)["probabilities"], 1e-5)
