"""An exported model in plain TensorFlow gives the results of the checkpoint."""

import json
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
from yt8m_attention.runs import restore
from yt8m_attention.training import phase

# A process with TensorFlow and without this project; it runs each model in its arguments.
SERVE = """
import sys
import numpy as np, tensorflow as tf
inputs = np.load("in.npz")
frames, mask, values = (tf.constant(inputs[name]) for name in ("frames", "mask", "values"))
lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1, keepdims=True)
for name in sys.argv[1:]:
    model = tf.saved_model.load(name)
    served = model.signatures["serving_default"](frames=frames, mask=mask)
    floats = model.signatures["serving_floats"](frames=values, mask=mask)
    mediapipe = model.signatures["mediapipe"]
    many = mediapipe(rgb_and_audio=values, num_frames=lengths)
    one = mediapipe(rgb_and_audio=values[0], num_frames=tf.reshape(lengths[0], []))
    same = mediapipe(rgb_and_audio=values, num_frames=tf.constant([values.shape[1]]))
    np.savez(name + ".npz", served=served["probabilities"], attention=served["attention"],
             floats=floats["probabilities"], many=many["predictions"], one=one["predictions"],
             same=same["predictions"])
assert "yt8m_attention" not in sys.modules
"""
TOLERANCES = {"none": 1e-5, "float16": 2e-3, "int8": 5e-2}


@pytest.fixture(scope="module")
def trained(planted, tmp_path_factory):
    """A training directory with a network that has kernels large enough to quantise."""
    train_dir = tmp_path_factory.mktemp("trained") / "run"
    model = runs.FULL | {"attention_normalizer": "sparsemax", "hidden_size": 128}
    phase.train(runs.small(planted, train_dir, model=model, max_steps=2), {})
    return str(train_dir)


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    """(directory of the models named after their quantisation, {name: result of export})."""
    folder = tmp_path_factory.mktemp("exported")
    return folder, {name: saved_model.export(trained, str(folder / name), quantize=name) for name in TOLERANCES}


def test_plain_tensorflow_gives_the_results_of_the_checkpoint(trained, exported):
    folder, results = exported
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (3, 7, 32), dtype=np.uint8)
    mask = np.arange(7) < np.array([[7], [2], [4]])
    np.savez(folder / "in.npz", frames=frames, mask=mask, values=dequantize(frames))
    done = subprocess.run([sys.executable, "-c", SERVE, *TOLERANCES], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    score = scoring.make_scorer(restore.load(trained).model)
    expected = score({"frames": frames, "mask": mask})
    whole = score({"frames": frames, "mask": np.ones_like(mask)})["probabilities"]
    for name, tolerance in TOLERANCES.items():
        with np.load(folder / f"{name}.npz") as served:
            for output in ("served", "floats", "many"):
                np.testing.assert_allclose(served[output], expected["probabilities"], atol=tolerance)
            np.testing.assert_allclose(served["one"], expected["probabilities"][:1], atol=tolerance)
            np.testing.assert_allclose(served["same"], whole, atol=tolerance)
            np.testing.assert_allclose(served["attention"], expected["attention"], atol=tolerance)
            assert not served["attention"][~mask].any()
        assert 0 <= results[name]["max_difference"] <= tolerance
        assert (results[name]["max_difference"] > 1e-5) == (name != "none")


def test_sizes_shrink(trained, exported):
    folder, results = exported
    stored = {}
    for name, result in results.items():
        files = [path for path in (folder / name).rglob("*") if path.is_file() and path.name != "README.md"]
        assert result["bytes"] == sum(path.stat().st_size for path in files)
        stored[name] = (folder / name / "variables" / "variables.data-00000-of-00001").stat().st_size
    parameters = results["none"]["parameters"]
    assert parameters == sum(int(np.prod(w.shape)) for w in restore.load(trained).model.trainable_weights)
    assert stored["none"] >= 4 * parameters
    assert stored["int8"] < stored["float16"] < stored["none"]


@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2), elements=st.floats(-1e4, 1e4, width=32)))
def test_the_int8_error_is_at_most_half_the_scale(value):
    stored, scale = weights.to_int8(value)
    assert stored.dtype == np.int8 and stored.min() >= -127
    error = np.abs(stored.astype(np.float64) * scale - value)
    assert (error <= 0.5001 * scale + 1e-12).all()
    assert (stored[:, (value == 0).all(axis=0)] == 0).all()


def test_small_weights_are_not_quantised():
    value = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    for quantize in weights.QUANTIZATIONS:
        np.testing.assert_array_equal(weights.Weight(value, quantize)(), value)


def test_the_command_and_its_card(planted, tmp_path_factory, tmp_path):
    trained = str(tmp_path_factory.mktemp("plain"))
    phase.train(runs.small(planted, trained, model={"hidden_layer": True, "hidden_size": 128}, max_steps=1), {})
    named, *others = restore.load(trained).run.data.segment_classes
    names = tmp_path / "names.csv"
    names.write_text(f'Index,Name\n{named},"Dog | cat"\n')
    flags = [f"--train_dir={trained}", f"--output_dir={tmp_path / 'out'}", "--quantize=int8", f"--vocabulary={names}"]
    result = commands.succeed("export_model", *flags)
    assert set(result) == {"bytes", "parameters", "max_difference", "checkpoint", "output_dir"}
    card = (tmp_path / "out" / "README.md").read_text()
    for part in (f"{result['parameters']:,}", f"{result['bytes']:,}", "int8", "## Limits", "## Data", "Not evaluated"):
        assert part in card
    assert f"({'; '.join(['Dog | cat', *(f'class {c}' for c in others)])})." in card
    commands.succeed("export_model", *flags)  # replaces the first export
    assert sorted(path.name for path in tmp_path.iterdir()) == ["names.csv", "out"]


def test_a_directory_with_other_files_is_refused(trained, tmp_path):
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
