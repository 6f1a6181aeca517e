"""What runs on keras.ops gives the same values and gradients on JAX as on TensorFlow."""

import importlib.util
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "tests" / "jax_check.py"


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed: pip install jax")
def test_jax_gives_tensorflows_answers(tmp_path):
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, SCRIPT, tmp_path / "jax.npz"], env=environment, check=True)
    expected = runpy.run_path(str(SCRIPT))["answers"]()
    with np.load(tmp_path / "jax.npz") as found:
        assert sorted(found.files) == sorted(expected)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-5, err_msg=name)
