"""Configurations of small runs on the planted data."""

import dataclasses

from yt8m_attention.config import Data, Features, Model, Phase, Run, Sampling
from yt8m_attention.data.formats import label_ids

FEATURES = Features(("rgb", "audio"), (24, 8))
# The network of most runs: quick to trace, but with all kinds of state: weights, statistics of batch normalization, and
# random generators.
PLAIN = {
    "model": "frame_pooling", "video_level_classifier_model": "logistic", "hidden_layer": False, "context_gating": False
}  # fmt: skip
# The default network, which takes four times as long to trace: for tests of attention, heads or experts, and once for
# each property that any part of a network could break.
FULL = {name: getattr(Model, name) for name in PLAIN}


def small(planted, train_dir, segment_labels=False, model=None, run=None, **phase):
    """Returns the configuration of a short run in float32.

    Args:
      run: dict of fields of the run.
      model: dict of the fields in which the model differs from PLAIN.
      phase: fields of the phase.
    """
    split = "validate" if segment_labels else "train"
    data = Data(
        features=FEATURES,
        num_classes=6,
        sampling=Sampling(num_frames=12, trim_frames=5),
        segment_classes=label_ids.read(planted / "segment_label_ids.csv"),
    )
    network = Model(features=FEATURES, num_classes=6, num_heads=2, hidden_size=16, attention_sizes=(8, 4))
    settings = {"segment_labels": segment_labels, "batch_size": 8, "max_steps": 6} | phase
    return Run(
        train_dir=str(train_dir),
        train_data_pattern=str(planted / split / "*.tfrecord"),
        model=dataclasses.replace(network, **(PLAIN | (model or {}))),
        data=data,
        phase=Phase(**settings),
        **{"save_checkpoint_steps": 3, "log_steps": 2, "deterministic": True, "precision": "float32"} | (run or {}),
    )


def flags(planted, train_dir, *more, split="train", model=None):
    """Returns the flags of such a run, for the command."""
    return [
        f"--train_data_pattern={planted}/{split}/*.tfrecord", f"--train_dir={train_dir}",
        "--feature_names=rgb,audio", "--feature_sizes=24,8", "--num_classes=6",
        f"--segment_label_ids_file={planted}/segment_label_ids.csv",
        "--num_heads=2", "--hidden_size=16", "--attention_sizes=8,4", "--num_frames=12", "--trim_frames=5",
        "--batch_size=8", "--save_checkpoint_steps=3", "--seed=5", "--deterministic",
        *flags_of(PLAIN | (model or {})), *more,
    ]  # fmt: skip


def flags_of(model):
    """Returns a dict of a model's fields as flags."""
    return [f"--{name}={value}" for name, value in model.items()]
