"""Configurations of small runs on the planted data."""

import dataclasses

from yt8m_attention.config import Data, Features, Model, Phase, Run, Sampling
from yt8m_attention.data import label_ids

FEATURES = Features(("rgb", "audio"), (24, 8))


def small(planted, train_dir, segment_labels=False, model=None, run=None, **phase):
    """A run of few steps, in float32 on any device; keyword arguments go to the phase, `model` and `run` are dicts of
    their fields."""
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
        model=dataclasses.replace(network, **(model or {})),
        data=data,
        phase=Phase(**settings),
        **{"save_checkpoint_steps": 3, "log_steps": 2, "deterministic": True, "precision": "float32"} | (run or {}),
    )


def flags(planted, train_dir, *more, split="train"):
    """The flags of such a run, for the command."""
    return [
        f"--train_data_pattern={planted}/{split}/*.tfrecord", f"--train_dir={train_dir}",
        "--feature_names=rgb,audio", "--feature_sizes=24,8", "--num_classes=6",
        f"--segment_label_ids_file={planted}/segment_label_ids.csv",
        "--num_heads=2", "--hidden_size=16", "--attention_sizes=8,4", "--num_frames=12", "--trim_frames=5",
        "--batch_size=8", "--save_checkpoint_steps=3", "--seed=5", "--deterministic", *more,
    ]  # fmt: skip
