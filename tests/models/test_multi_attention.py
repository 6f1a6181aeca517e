import keras
import numpy as np
import pytest
from keras import ops

from tests import numpy_layers as reference
from tests.layer_case import assert_close, weights_of
from tests.models.network_case import SMALL, NetworkCase, bags, trainable
from yt8m_attention import config, schema
from yt8m_attention.models import registry
from yt8m_attention.models.multi_attention import AttentionStream


def parts_of_reference(weights, inputs, names, sizes, normalizer):
    """Every head's probabilities [B, M, V] and the streams' attention, in numpy."""
    mask = inputs["mask"]
    frames = reference.l2_norm(inputs["frames"] * schema.QUANTIZED_STEP + schema.QUANTIZED_OFFSET, mask)
    frames = reference.batch_norm(reference.below(weights, "input_norm"), frames)
    pooled, attention = [], {}
    for name, own in zip(names, np.split(frames, np.cumsum(sizes)[:-1], axis=-1), strict=True):
        stream = reference.below(weights, f"{name}_stream")
        reduced = reference.batch_norm(reference.below(stream, "reduce_norm"), own @ stream["reduce/kernel"])
        attention[name] = reference.gated_attention(reference.below(stream, "attention"), reduced, mask, normalizer)
        pooled.append(reference.pool(own, attention[name]))
    hidden = np.concatenate(pooled, axis=-1) @ weights["hidden/kernel"]
    hidden = reference.batch_norm(reference.below(weights, "hidden_norm"), hidden)
    hidden = reference.context_gating(reference.below(weights, "context_gating"), hidden)
    return reference.mixture_of_experts(reference.below(weights, "classifier"), hidden), attention


ONE_STREAM = {
    "features": config.Features(("rgb",), (12,)), "num_classes": 5, "hidden_size": 6, "attention_sizes": (4,)
}  # fmt: skip


class TestMultiAttention(NetworkCase):
    model = "multi_attention"

    @pytest.mark.parametrize("normalizer", ["sparsemax", "softmax"])
    def test_agrees_with_numpy_and_takes_the_maximum_of_probabilities(self, normalizer):
        model, inputs = self.build(attention_normalizer=normalizer), bags()
        features = model.config.features
        per_head, attention = parts_of_reference(
            weights_of(model), inputs, features.names, features.sizes, getattr(reference, normalizer)
        )
        answer = model(inputs)
        assert per_head.shape[1] == SMALL["num_heads"]
        assert_close(answer["probabilities"], per_head.max(axis=1), 1e-4)
        assert_close(answer["attention_rgb"], attention["rgb"], 1e-4)
        assert_close(answer["attention_audio"], attention["audio"], 1e-4)
        assert_close(answer["attention"], (attention["rgb"] + attention["audio"]) / 2, 1e-4)

    def test_attention_is_none_on_padding_and_one_in_sum(self):
        inputs = bags()
        for name, value in self.build()(inputs).items():
            if name.startswith("attention"):
                attention = ops.convert_to_numpy(value)
                assert attention.shape == (5, 6, SMALL["num_heads"]) and not attention[~inputs["mask"]].any()
                np.testing.assert_allclose(attention.sum(axis=1), 1, atol=1e-5)

    def test_order_of_frames_does_not_matter(self):
        model, inputs = self.build(), bags()
        order = np.random.default_rng(0).permutation(6)
        other = {name: value[:, order] for name, value in inputs.items()}
        assert_close(model(other)["probabilities"], model(inputs)["probabilities"])

    def test_one_stream_attends_once(self):
        model = self.build(features=config.Features(("audio_embedding",), (16,)), attention_sizes=None)
        answer = model(bags(width=16))
        assert set(answer) == {"probabilities", "attention", "attention_audio_embedding"}
        assert_close(answer["attention"], answer["attention_audio_embedding"], 0)

    def test_widths_by_default(self):
        model = self.build(features=config.Features(("rgb", "audio"), (1024, 128)), attention_sizes=None)
        assert [stream.width for stream in model.streams] == [256, 64]


def test_attention_is_multi_attention_with_one_head_for_any_num_heads():
    models = [
        registry.build(config.Model(model=name, num_heads=heads, **ONE_STREAM))
        for name, heads in (("attention", 8), ("multi_attention", 1))
    ]
    models[1].set_weights(models[0].get_weights())
    answers = [model(bags(width=12)) for model in models]
    assert answers[0]["attention"].shape == (5, 6, 1)
    assert_close(answers[0]["probabilities"], answers[1]["probabilities"], 0)


def test_one_head_with_mixture_of_experts_has_37_million_parameters():
    """The paper's 150 MB at float32, counted by layer."""
    streams = (1024 * 256 + 2 * 256) + (128 * 64 + 2 * 64) + 2 * (256 * 128 + 64 * 32) + (128 + 32)
    shared = 2 * 1152 + (1152 * 1024 + 2 * 1024) + (1024 * 1024 + 2 * 1024)
    classifier = 1024 * 3862 * 2 + 3862 * 2 + 1024 * 3862 * 3 + 3862 * 3862 + 2 * 3862
    assert streams + shared + classifier == 37_279_324
    assert trainable(registry.build(config.Model(model="attention"))) == 37_279_324


def test_logistic_has_6_million_and_heads_add_only_their_attention():
    build = {"video_level_classifier_model": "logistic"}
    one = trainable(registry.build(config.Model(model="attention", **build)))
    assert one == 37_279_324 - (1024 * 3862 * 5 + 3862 * 3862 + 4 * 3862) + 1024 * 3862 + 3862
    per_head = 2 * (256 * 128 + 64 * 32) + (128 + 32)
    for heads in (1, 8):
        assert trainable(registry.build(config.Model(num_heads=heads, **build))) == one + (heads - 1) * per_head


def test_heads_of_equal_weights_answer_as_one():
    one = registry.build(config.Model(model="attention", **ONE_STREAM))
    three = registry.build(config.Model(num_heads=3, **ONE_STREAM))
    for mine, theirs in zip(three.weights, one.weights, strict=True):
        value = ops.convert_to_numpy(theirs)
        if "_stream/attention/" in mine.path:
            value = np.concatenate([value] * 3, axis=0 if mine.path.endswith("score_kernel") else 1)
        mine.assign(value)
    assert_close(three(bags(width=12))["probabilities"], one(bags(width=12))["probabilities"])


def test_penalties_are_the_published_ones():
    for classifier, penalty, names in (("logistic", 1e-8, ("kernel",)), ("moe", 1e-6, ("gate_", "expert_kernel"))):
        model = registry.build(config.Model(video_level_classifier_model=classifier, **ONE_STREAM))
        weights = reference.below(weights_of(model), "classifier")
        squares = sum((value**2).sum() for name, value in weights.items() if name.startswith(names))
        assert float(sum(model.losses)) == pytest.approx(penalty / 2 * squares, rel=1e-4)
    given = registry.build(config.Model(video_level_classifier_model="logistic", l2_penalty=0.0, **ONE_STREAM))
    assert float(sum(given.losses)) == 0


def test_the_shift_that_the_batch_norm_subtracts_is_not_rounded_in_16_bits():
    """For features far from zero, the rounding error would be as large as their differences."""
    stream = AttentionStream(4, 1, "softmax", dtype="mixed_bfloat16")
    frames, shift, seen = np.zeros((1, 2, 6), np.float32), np.linspace(90.1, 110.3, 6, dtype=np.float32), []
    stream.build(frames.shape)
    stream.reduce_norm.moving_mean.assign(shift @ ops.convert_to_numpy(stream.reduce.kernel))
    stream.attention = lambda reduced, mask: seen.append(reduced) or ops.ones((1, 2, 1)) / 2
    stream.call(ops.cast(frames, "bfloat16"), np.ones(6, np.float32), shift)  # weights are float32, as inside a network
    np.testing.assert_allclose(ops.convert_to_numpy(ops.cast(seen[0], "float32")), 0, atol=1e-4)


def test_context_gating_can_be_left_out():
    model = registry.build(config.Model(context_gating=False, **ONE_STREAM))
    assert not [w.path for w in model.weights if "context_gating" in w.path]
    assert keras.ops.shape(model(bags(width=12))["probabilities"]) == (5, 5)
