"""The networks of the YouTube-8M starter code: its sizes, frames and penalties, as flags of this project."""

from typing import Any, NamedTuple


class Preset(NamedTuple):
    """What a name of the starter code stands for.

    Attributes:
      network: name in the registry.
      flags: {flag: value}, each of which a given flag overrides.
      classifier: the only classifier that the name has there; None: any.
    """

    network: str
    flags: dict[str, Any]
    classifier: str | None = None


_ALL_FRAMES = {"frame_sampling": "all", "trim_frames": 0, "input_noise": 0.0}
_RANDOM_FRAMES = {"frame_sampling": "random", "num_frames": 30, "trim_frames": 0, "input_noise": 0.0}
_NO_HIDDEN_LAYER = {"hidden_layer": False, "context_gating": False}
_LOGISTIC = {"video_level_classifier_model": "logistic"}
_MOE = {"video_level_classifier_model": "moe", "moe_num_mixtures": 2, "moe_probability_gating": False,
        "l2_penalty": 1e-8}  # fmt: skip
_DBOF = {"dbof_cluster_size": 8192, "hidden_size": 1024, "pooling": "max"}
_LSTM = {"lstm_cells": 1024, "lstm_layers": 2, "pooling": "last"}

PRESETS = {
    "DbofModel": Preset("dbof", _DBOF | _MOE | _RANDOM_FRAMES),
    "FrameLevelLogisticModel": Preset(
        "frame_pooling", {"pooling": "mean"} | _LOGISTIC | _NO_HIDDEN_LAYER | _ALL_FRAMES, "logistic"
    ),
    "LogisticModel": Preset("video_level", _LOGISTIC | _NO_HIDDEN_LAYER | _ALL_FRAMES, "logistic"),
    "LstmModel": Preset("lstm", _LSTM | _MOE | _NO_HIDDEN_LAYER | _ALL_FRAMES),
    "MoeModel": Preset("video_level", _MOE | _NO_HIDDEN_LAYER | _ALL_FRAMES, "moe"),
}
