"""A run of version 0.1.0, kept in tests/assets: it loads exactly, and resumes where it stopped.

The asset holds the run after 4 steps on the planted data set, and the checkpoint that the same version wrote after 8
steps without a stop (`train --max_steps=8 --seed=3 --deterministic`).
"""

import json
import shutil
from pathlib import Path

import numpy as np

from tests import commands
from yt8m_attention.runs import checkpoints, model_state, restore, run_file

ASSET = Path(__file__).resolve().parents[1] / "assets" / "former_run"
EXPECTED = ASSET / "expected-step-00000008.npz"
DIGEST = "09acb1f20d5dca812c93fb73ed4af6f71646c3d0aafe68160d49cecd1ad2b399"  # what `train` printed after 4 steps


def test_its_weights_load_exactly():
    trained = restore.load(str(ASSET))
    assert (trained.meta["step"], model_state.digest(trained.model)) == (4, DIGEST)


def test_its_configuration_is_read_and_written_as_it_was():
    saved = json.loads((ASSET / "run.json").read_text())
    run = run_file.read(str(ASSET))
    assert (run.model.num_heads, run.data.segment_classes, run.phase.holdout_fraction) == (2, (0, 1, 2, 4), 0.3)
    written = json.loads(json.dumps(run_file.config.to_dict(run)))
    assert {key: _known(value, written[key]) for key, value in saved["config"].items()} == saved["config"]


def _known(saved, written):
    """What is written of the keys that were saved: later versions may add some."""
    return {key: _known(saved[key], written[key]) for key in saved} if isinstance(saved, dict) else written


def test_it_resumes_where_it_stopped(planted, tmp_path):
    shutil.copytree(ASSET, tmp_path / "run", ignore=shutil.ignore_patterns("expected*"))
    result = commands.succeed(
        "train", f"--train_data_pattern={planted}/validate/*.tfrecord", f"--train_dir={tmp_path}/run",
        "--segment_labels", "--feature_names=rgb,audio", "--feature_sizes=24,8", "--num_classes=6", "--num_heads=2",
        "--hidden_size=8", "--attention_sizes=4,4", "--batch_size=16", "--max_steps=8", "--holdout_fraction=0.3",
        "--base_learning_rate=0.01", "--precision=float32", "--seed=3", "--deterministic", "--quiet",
    )  # fmt: skip
    assert result["resumed_from"].endswith("step-00000004.npz")
    arrays, meta = checkpoints.load(result["checkpoint"])
    expected, expected_meta = checkpoints.load(str(EXPECTED))
    assert (meta["step"], meta["position"]) == (8, expected_meta["position"])
    assert arrays.keys() == expected.keys()
    for name, array in expected.items():
        # Equal to the last bit on the processor that made the asset; others round products differently.
        np.testing.assert_allclose(arrays[name], array, rtol=1e-3, atol=1e-5, err_msg=name)
    assert np.isclose(meta["loss"], expected_meta["loss"], rtol=1e-4)
