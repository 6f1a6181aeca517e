"""Sparsemax against tensorflow-addons, which needs its own environment; its results are stored beside its script."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from yt8m_attention.ops.sparsemax import sparsemax

HERE = Path(__file__).parents[1] / "reference"
STORED = HERE / "sparsemax_reference.npz"
CASES = sorted({key.rsplit(".", 1)[0] for key in np.load(STORED).files})


@pytest.mark.parametrize("case", CASES)
def test_equals_addons(case):
    with np.load(STORED) as file:
        logits, upstream, probabilities, gradient = (
            file[f"{case}.{part}"] for part in ("logits", "upstream", "probabilities", "gradient")
        )
    variable = tf.Variable(logits)
    with tf.GradientTape() as tape:
        ours = sparsemax(variable)
    # Addons does not subtract the maximum first, so its rounding error grows with the logits.
    np.testing.assert_allclose(ours, probabilities, rtol=0, atol=1e-6 * max(1, abs(logits).max()))
    np.testing.assert_allclose(tape.gradient(ours, variable, upstream), gradient, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_stored_results_equal_those_of_addons(tmp_path):
    if sys.version_info[:2] != (3, 11):
        pytest.skip("environment.txt needs Python 3.11, the last that TensorFlow 2.15 runs on")
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "--requirement", HERE / "environment.txt"]
    installed = subprocess.run(install, capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(f"pip cannot install environment.txt: {installed.stderr.strip().splitlines()[-1]}")
    subprocess.run([python, HERE / "write_sparsemax_reference.py", tmp_path / "new.npz"], check=True)
    with np.load(tmp_path / "new.npz") as new, np.load(STORED) as stored:
        assert new.files == stored.files
        for key in stored.files:
            np.testing.assert_allclose(new[key], stored[key], rtol=1e-6, atol=1e-6, err_msg=key)
