"""Fewer bits do not change the score of a trained network."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import rounding
from tests import commands
from yt8m_attention import config
from yt8m_attention.export.weights import Weight
from yt8m_attention.models import registry

FLAGS = Path(__file__).resolve().parents[2] / "flags"


@pytest.mark.slow
def test_map_on_real_events_survives_every_rounding(tmp_path, shared_data):
    data = shared_data / "audioset"
    names = ("phase1", "multi_attention_2", "audioset", "audioset_phase1")
    commands.succeed("train", *(f"--flagfile={FLAGS}/{name}.flags" for name in names),
                     f"--train_data_pattern={data}/train/*.tfrecord", f"--train_dir={tmp_path}", "--max_steps=60",
                     f"--segment_label_ids_file={data}/segment_label_ids.csv", "--index_dir=none")  # fmt: skip
    found, sizes = rounding.measure(str(tmp_path), f"{data}/test/*.tfrecord", "none")
    exact = found["float32"]
    assert exact > 0.3  # chance is 0.256
    assert abs(found["export_none"] - exact) < 1e-4
    assert all(abs(score - exact) < 1e-3 for score in found.values()), found
    assert sizes["float16"] < 0.6 * sizes["none"] and sizes["int8"] < 0.35 * sizes["none"]


@pytest.mark.slow
def test_eight_heads_with_mixture_of_experts_fit_into_40_megabytes_of_int8():
    model = registry.build(config.Model())
    weights = [Weight(np.asarray(v), "int8") for v in model.trainable_variables]
    size = sum(v.numpy().nbytes for weight in weights for v in weight.variables)
    assert 37e6 < size < 39.5e6  # the graph adds some hundred kB
