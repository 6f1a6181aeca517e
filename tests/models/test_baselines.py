"""The paper's baselines that pool without weights: video level, mean and maximum."""

import numpy as np
import pytest

from tests import numpy_layers as reference
from tests.layer_case import assert_close, weights_of
from tests.layers.test_frame_pooling import reference_pool
from tests.models.network_case import FEATURES, NetworkCase, bags, trainable
from yt8m_attention import config, schema
from yt8m_attention.models import registry

PLAIN = {"video_level_classifier_model": "logistic", "hidden_layer": False, "context_gating": False}


def values(inputs):
    return inputs["frames"] * schema.QUANTIZED_STEP + schema.QUANTIZED_OFFSET


class TestVideoLevel(NetworkCase):
    model = "video_level"

    def test_is_logistic_regression_of_the_mean(self):
        model, inputs = self.build(**PLAIN), bags()
        weights = weights_of(model)
        mean = reference_pool(values(inputs), inputs["mask"], "mean")
        x = reference.batch_norm(reference.below(weights, "input_norm"), reference.l2_norm(mean, np.ones(5, bool)))
        wanted = reference.logistic(reference.below(weights, "classifier"), x)
        assert_close(model(inputs)["probabilities"], wanted, 1e-4)

    def test_a_video_level_record_is_its_frames(self):
        """A record's mean_rgb and mean_audio, as a bag of one float32 frame, give the frames' predictions."""
        model, inputs = self.build(), bags()
        mean = np.float32(reference_pool(values(inputs), inputs["mask"], "mean"))[:, None]
        record = {"frames": mean, "mask": np.ones((5, 1), bool)}
        assert_close(model(record)["probabilities"], model(inputs)["probabilities"], 1e-4)


class TestFramePooling(NetworkCase):
    model = "frame_pooling"

    @pytest.mark.parametrize("pooling", ["mean", "max", "last"])
    def test_is_logistic_regression_of_the_pooled_frames(self, pooling):
        model, inputs = self.build(pooling=pooling, **PLAIN), bags()
        weights = weights_of(model)
        frames = reference.l2_norm(values(inputs), inputs["mask"])
        frames = reference.batch_norm(reference.below(weights, "input_norm"), frames)
        pooled = reference_pool(frames, inputs["mask"], pooling)
        wanted = reference.logistic(reference.below(weights, "classifier"), pooled)
        assert_close(model(inputs)["probabilities"], wanted, 1e-4)


def test_linear_models_have_one_weight_a_feature_and_class():
    for name in ("video_level", "frame_pooling"):
        linear = 1152 * 3862 + 3862
        assert trainable(registry.build(config.Model(model=name, **PLAIN))) == 2 * 1152 + linear


def test_mixture_at_video_level_has_three_gates_and_two_experts_a_class():
    mixture = {"hidden_layer": False, "context_gating": False, "moe_probability_gating": False}
    wanted = 2 * 1152 + 1152 * 3862 * 5 + 2 * 3862
    assert trainable(registry.build(config.Model(model="video_level", **mixture))) == wanted


def test_context_gating_and_hidden_layer_are_options_of_each_other():
    """Without a hidden layer, the gate applies to the pooled vector."""
    size = {"model": "frame_pooling", "features": FEATURES, "num_classes": 7, "hidden_size": 10}
    width, linear = FEATURES.total, {"video_level_classifier_model": "logistic"}
    gated = trainable(registry.build(config.Model(hidden_layer=False, **size, **linear)))
    assert gated == 2 * width + width**2 + 2 * width + width * 7 + 7
    hidden = trainable(registry.build(config.Model(context_gating=False, **size, **linear)))
    assert hidden == 2 * width + width * 10 + 2 * 10 + 10 * 7 + 7
