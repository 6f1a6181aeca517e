"""An exported model, run by plain TensorFlow, answers as the checkpoint does."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests import commands
from tests.training import runs
from yt8m_attention.errors import UserError
from yt8m_attention.export import saved_model, weights
from yt8m_attention.inference import scoring
from yt8m_attention.ops.quantize import dequantize
from yt8m_attention.training import phase, restore

# A process that knows TensorFlow and nothing of this project.
SERVE = """
import sys
import numpy as np, tensorflow as tf
model, inputs = tf.saved_model.load(sys.argv[1]), np.load(sys.argv[2])
frames, mask = tf.constant(inputs["frames"]), tf.constant(inputs["mask"])
values = tf.constant(inputs["values"])
served = model.signatures["serving_default"](frames=frames, mask=mask)
floats = model.signatures["serving_floats"](frames=values, mask=mask)
lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1, keepdims=True)
mediapipe = model.signatures["mediapipe"]
many = mediapipe(rgb_and_audio=values, num_frames=lengths)
one = mediapipe(rgb_and_audio=values[0], num_frames=tf.reshape(lengths[0], []))
same = mediapipe(rgb_and_audio=values, num_frames=tf.constant([values.shape[1]]))
assert "yt8m_attention" not in sys.modules
np.savez(sys.argv[3], served=served["probabilities"], attention=served["attention"], floats=floats["probabilities"],
         many=many["predictions"], one=one["predictions"], same=same["predictions"])
"""


@pytest.fixture(scope="module", params=["logistic", "moe"])
def trained(request, planted, tmp_path_factory):
    """A training directory with a network whose larger kernels are worth quantising."""
    train_dir = tmp_path_factory.mktemp("trained") / request.param
    model = {"video_level_classifier_model": request.param, "attention_normalizer": "sparsemax", "hidden_size": 128}
    phase.train(runs.small(planted, train_dir, model=model, max_steps=2), {})
    return str(train_dir)


def bags(length, seed=0):
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 256, (3, length, 32), dtype=np.uint8)
    return frames, np.arange(length) < rng.integers(1, length + 1, (3, 1))


@pytest.mark.parametrize("quantize, tolerance", [("none", 1e-5), ("float16", 2e-3), ("int8", 5e-2)])
def test_plain_tensorflow_answers_as_the_checkpoint(trained, tmp_path, quantize, tolerance):
    result = saved_model.export(trained, str(tmp_path / "exported"), quantize=quantize)
    frames, mask = bags(7)
    np.savez(tmp_path / "in.npz", frames=frames, mask=mask, values=dequantize(frames))
    done = subprocess.run(
        [sys.executable, "-c", SERVE, tmp_path / "exported", tmp_path / "in.npz", tmp_path / "out.npz"],
        cwd=tmp_path, capture_output=True, text=True, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    score = scoring.make_scorer(restore.load(trained).model)
    expected = score({"frames": frames, "mask": mask})
    whole = score({"frames": frames, "mask": np.ones_like(mask)})["probabilities"]
    with np.load(tmp_path / "out.npz") as served:
        for name in ("served", "floats", "many"):
            np.testing.assert_allclose(served[name], expected["probabilities"], atol=tolerance)
        np.testing.assert_allclose(served["one"], expected["probabilities"][:1], atol=tolerance)
        np.testing.assert_allclose(served["same"], whole, atol=tolerance)
        np.testing.assert_allclose(served["attention"], expected["attention"], atol=max(tolerance, 0.05))
        assert not served["attention"][~mask].any()
    assert 0 <= result["max_difference"] <= tolerance
    assert (result["max_difference"] > 1e-5) == (quantize != "none")


def test_sizes_shrink(trained, tmp_path):
    stored = {}
    for quantize in weights.QUANTIZATIONS:
        result = saved_model.export(trained, str(tmp_path / quantize), quantize=quantize)
        files = [path for path in (tmp_path / quantize).rglob("*") if path.is_file() and path.name != "README.md"]
        assert result["bytes"] == sum(path.stat().st_size for path in files)
        stored[quantize] = (tmp_path / quantize / "variables" / "variables.data-00000-of-00001").stat().st_size
    parameters = result["parameters"]
    assert parameters == sum(int(np.prod(w.shape)) for w in restore.load(trained).model.trainable_weights)
    assert stored["none"] >= 4 * parameters
    assert stored["int8"] < stored["float16"] < stored["none"]


@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2), elements=st.floats(-1e4, 1e4, width=32)))
def test_int8_is_off_by_half_a_step_of_the_channel_at_most(value):
    stored, scale = weights.to_int8(value)
    assert stored.dtype == np.int8 and stored.min() >= -127
    error = np.abs(stored.astype(np.float64) * scale - value)
    assert (error <= 0.5001 * scale + 1e-12).all()
    assert (stored[:, (value == 0).all(axis=0)] == 0).all()


def test_small_weights_keep_every_bit():
    value = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    for quantize in weights.QUANTIZATIONS:
        np.testing.assert_array_equal(weights.Weight(value, quantize)(), value)


def test_the_command_and_its_card(trained, tmp_path):
    names = tmp_path / "names.csv"
    names.write_text('Index,Name\n0,"Dog | cat"\n')
    flags = [f"--train_dir={trained}", f"--output_dir={tmp_path / 'out'}", "--quantize=int8", f"--vocabulary={names}"]
    result = commands.succeed("export_model", *flags)
    assert set(result) == {"bytes", "parameters", "max_difference", "checkpoint", "output_dir"}
    card = (tmp_path / "out" / "README.md").read_text()
    for said in (f"{result['parameters']:,}", f"{result['bytes']:,}", "int8", "## Limits", "## Data", "Not evaluated"):
        assert said in card
    again = commands.succeed("export_model", *flags)  # an exported model is replaced
    assert again["bytes"] == result["bytes"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["names.csv", "out"]


def test_a_directory_of_something_else_is_left_alone(trained, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match=r"--output_dir=.*holds other files"):
        saved_model.export(trained, str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.slow
def test_multi_attention_with_a_mixture_of_experts_is_40_mb_at_int8(tmp_path):
    """The published network at its full size, untrained."""
    import tensorflow as tf

    from yt8m_attention.config import Model
    from yt8m_attention.models import registry

    keras.utils.set_random_seed(0)
    model = registry.build(Model())
    module = saved_model.Servable(model, 1152, "int8")
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.signatures())
    size = sum(path.stat().st_size for path in (tmp_path / "m").rglob("*") if path.is_file())
    assert size <= 40e6, json.dumps(size)
