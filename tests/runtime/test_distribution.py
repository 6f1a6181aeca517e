"""Training on several devices equals training on one."""

import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from yt8m_attention.runtime import distribution

ROOT = Path(__file__).resolve().parents[2]


def test_several_devices_equal_one():
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.mirrored_step"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout.endswith("equal\n"), done.stderr


class Several:
    """Stands for a strategy of several replicas, without devices."""

    def __init__(self, replicas):
        self.num_replicas_in_sync = replicas

    def experimental_distribute_values_from_function(self, function):
        contexts = (types.SimpleNamespace(replica_id_in_sync_group=i) for i in range(self.num_replicas_in_sync))
        return list(map(function, contexts))


@pytest.mark.parametrize("replicas", [2, 3, 4, 8])
@pytest.mark.parametrize("rows", range(1, 17))
def test_any_batch_is_split_evenly_between_any_number_of_devices(rows, replicas):
    rng = np.random.default_rng(rows)
    batch = {"frames": tf.constant(rng.random((rows, 2, 3))), "mask": tf.ones((rows, 2), tf.bool)}
    parts = distribution.split(batch, Several(replicas))
    assert len(parts) == replicas
    assert {len(part["frames"]) for part, _ in parts} <= {max(1, rows // replicas), -(-rows // replicas)}
    real = [(part, share) for part, share in parts if share]
    for name, whole in batch.items():
        np.testing.assert_array_equal(np.concatenate([part[name] for part, _ in real]), whole)
    np.testing.assert_allclose([float(share) for _, share in real], [len(p["frames"]) / rows for p, _ in real])
    for part, share in parts:
        assert share or not part["mask"].numpy().any()


def test_one_device_is_the_default_without_several_gpus():
    assert distribution.strategy("auto").num_replicas_in_sync == max(1, len(tf.config.list_logical_devices("GPU")))


@pytest.mark.parametrize("limit, used", [(None, 3), (5, 3), (2, 2), (1, 1)])
def test_no_more_gpus_than_asked_for(monkeypatch, limit, used):
    devices = [types.SimpleNamespace(name=f"GPU:{i}") for i in range(3)]
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: devices if kind == "GPU" else [])
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda names: names)
    found = distribution.strategy("auto", limit)
    assert found == (tf.distribute.get_strategy() if used == 1 else [f"GPU:{i}" for i in range(used)])
