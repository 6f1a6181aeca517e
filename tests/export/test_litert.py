"""LiteRT (formerly TensorFlow Lite) runs a converted export with the same results as TensorFlow."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layer_case import randomize
from tests.models.network_case import FEATURES, SMALL
from yt8m_attention import config
from yt8m_attention.export import saved_model, weights
from yt8m_attention.models import registry
from yt8m_attention.ops.quantize import dequantize

litert = pytest.importorskip("ai_edge_litert.interpreter", reason="no LiteRT here (pip install ai-edge-litert)")

# The kernels of LiteRT round differently.
CLOSE = 1e-5
# The converter needs a fixed length for a loop over frames.
RECURRENT = {"gru", "lstm"}


def exported(folder, name="multi_attention", quantize="none", **changes):
    """Exports an untrained network with random weights."""
    keras.utils.set_random_seed(0)
    model = registry.build(config.Model(**({"model": name} | SMALL | changes)))
    model({"frames": np.zeros((1, 2, FEATURES.total), np.uint8), "mask": np.ones((1, 2), bool)})
    randomize(model, 0)
    module = saved_model.Servable(model, FEATURES.total, quantize)
    tf.saved_model.save(module, str(folder), signatures=module.signatures())
    return str(folder)


def converted(directory, signature, optimizations=()):
    """Returns the LiteRT runner of the signature, and the bytes of the converted file."""
    converter = tf.lite.TFLiteConverter.from_saved_model(directory, signature_keys=[signature])
    converter.optimizations = list(optimizations)
    content = converter.convert()
    return litert.Interpreter(model_content=content).get_signature_runner(signature), content


def bags(count, frames, seed=0):
    rng = np.random.default_rng(seed)
    mask = np.arange(frames) < rng.integers(1, frames + 1, (count, 1))
    return {"frames": rng.integers(0, 256, (count, frames, FEATURES.total), dtype=np.uint8), "mask": mask}


def assert_same(run, signature, inputs, tolerance=CLOSE):
    expected, found = signature(**{name: tf.constant(value) for name, value in inputs.items()}), run(**inputs)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=tolerance, err_msg=name)


def test_bags_of_any_number_and_length(tmp_path, monkeypatch):
    """The difficult cases of the conversion: a loop in sparsemax, a mixture of experts, int8 weights."""
    monkeypatch.setattr(weights, "_MIN_ENTRIES", 1)
    moe = {"video_level_classifier_model": "moe", "attention_normalizer": "sparsemax"}
    directory = exported(tmp_path, quantize="int8", **moe)
    signature = tf.saved_model.load(directory).signatures["serving_default"]
    run, _ = converted(directory, "serving_default")
    for count, frames in ((1, 5), (3, 7), (1, 60), (2, 1)):
        assert_same(run, signature, bags(count, frames))


@pytest.mark.slow
def test_the_mediapipe_signature(tmp_path):
    directory = exported(tmp_path)
    signature = tf.saved_model.load(directory).signatures["mediapipe"]
    run, _ = converted(directory, "mediapipe")
    for count, frames in ((1, 5), (3, 7)):
        found = bags(count, frames)
        assert_same(run, signature, {"rgb_and_audio": dequantize(found["frames"]),
                                     "num_frames": found["mask"].sum(axis=1).astype(np.int32)})  # fmt: skip


@pytest.mark.slow
def test_int8_weights(tmp_path):
    """The two ways to a small file in docs/serving.md; tolerances as for int8 weights."""
    wide = {"hidden_size": 256, "attention_sizes": (64, 64)}
    plain, stored = (exported(tmp_path / name, quantize=name, **wide) for name in ("none", "int8"))
    signature = tf.saved_model.load(plain).signatures["serving_default"]
    _, large = converted(plain, "serving_default")
    for run, small in (converted(plain, "serving_default", [tf.lite.Optimize.DEFAULT]),
                       converted(stored, "serving_default")):  # fmt: skip
        assert len(small) < 0.5 * len(large)
        assert_same(run, signature, bags(3, 7), tolerance=5e-2)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*registry.names()} - RECURRENT))
def test_every_network_without_recurrence_converts(tmp_path, name):
    directory = exported(tmp_path, name)
    run, _ = converted(directory, "serving_default")
    assert_same(run, tf.saved_model.load(directory).signatures["serving_default"], bags(3, 7))
