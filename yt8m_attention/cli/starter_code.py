"""The YouTube-8M starter code's flags: what each becomes here, and which values are refused.

They are translated once, after parsing: whatever comes later sees flags of this project only, and so does run.json.
docs/coming-from-the-starter-code.md is the same for its users.
"""

import logging
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from absl import flags

from yt8m_attention import schema
from yt8m_attention.cli import data, options
from yt8m_attention.config import Data, Model, Options, count, option, presets, shared, size
from yt8m_attention.config.model import L2_PENALTIES
from yt8m_attention.errors import UserError

logger = logging.getLogger(__name__)

FLAGS = flags.FLAGS

NUM_EPOCHS = 5  # the starter code's default


@dataclass(frozen=True)
class StarterCode(Options):
    """Flags that only the YouTube-8M starter code has; each command takes some of them."""

    recorded: ClassVar[bool] = False  # translated before anything is saved

    frame_features: bool | None = option(
        None,
        "true: refuse video-level files; false: refuse frame-level files; absent: take either",
    )
    num_readers: int | None = count(None, "accepted without effect: reading is parallel by itself")
    label_loss: str | None = option(None, "accepted without effect if it is CrossEntropyLoss, the only loss")
    optimizer: str | None = option(None, "accepted without effect if it is AdamOptimizer, the only optimizer")
    log_device_placement: bool | None = option(None, "accepted without effect if false; see --profile_steps")
    regularization_penalty: float | None = option(None, "factor on --l2_penalty; absent: 1", least=0)
    export_model_steps: int | None = count(None, "another name of --save_checkpoint_steps")
    iterations: int | None = size(None, "another name of --num_frames")
    sample_random_frames: bool | None = option(None, "of dbof: another name of --frame_sampling=random")
    dbof_hidden_size: int | None = size(None, "of dbof: another name of --hidden_size")
    dbof_pooling_method: str | None = option(
        None,
        "of dbof: another name of --pooling, whose mean is average here",
        choices=("max", "average"),
    )
    dbof_add_batch_norm: bool | None = option(None, "accepted without effect if true: dbof always has batch norm")
    dbof_activation: str | None = option(None, "accepted without effect if it is relu, that of dbof's clusters")


@dataclass(frozen=True)
class TrainedNetwork(Options):
    """Flags of the trained network that may be given again, with the same values."""

    model: str | None = shared(Model, "model", default=None)
    video_level_classifier_model: str | None = shared(Model, "video_level_classifier_model", default=None)
    moe_num_mixtures: int | None = shared(Model, "moe_num_mixtures", default=None)
    dbof_cluster_size: int | None = shared(Model, "dbof_cluster_size", default=None)
    lstm_cells: int | None = shared(Model, "lstm_cells", default=None)
    lstm_layers: int | None = shared(Model, "lstm_layers", default=None)


_OF_THE_NETWORK = (
    "frame_features", "num_readers", "label_loss", "iterations", "sample_random_frames",
    "dbof_hidden_size", "dbof_pooling_method", "dbof_add_batch_norm", "dbof_activation",
)  # fmt: skip
_OF_TRAINING = ("optimizer", "log_device_placement", "regularization_penalty", "export_model_steps")
TRAINING = options.some(StarterCode, *_OF_THE_NETWORK, *_OF_TRAINING)
TRAINED = (options.some(StarterCode, *_OF_THE_NETWORK), TrainedNetwork)


# {flag: (values accepted without effect, what the refusal of any other says)}
_ACCEPTED: dict[str, tuple[tuple[Any, ...], str]] = {
    "label_loss": (
        ("CrossEntropyLoss",),
        "not available; training uses CrossEntropyLoss, give that or leave the flag out",
    ),
    "optimizer": (
        ("AdamOptimizer", "Adam"),
        "not available; training uses AdamOptimizer, give that or leave the flag out",
    ),
    "log_device_placement": (
        (False,),
        "placement is not logged; use --profile_steps=A,B, whose TensorBoard profile shows it",
    ),
    "dbof_add_batch_norm": (
        (True,),
        "not available; clusters and hidden layer are always batch-normalised, leave the flag out",
    ),
    "dbof_activation": (("relu",), "not available; clusters pass through relu, leave the flag out"),
}


class _Counterpart(NamedTuple):
    """The flag of this project that a flag of the starter code stands for.

    Attributes:
      flag: its name.
      network: the only network for which the starter code's flag has an effect; None: any.
      values: {value there: value here}; None: the same.
    """

    flag: str
    network: str | None = None
    values: dict[Any, Any] | None = None


_COUNTERPARTS = {
    "export_model_steps": _Counterpart("save_checkpoint_steps"),
    "iterations": _Counterpart("num_frames"),
    "sample_random_frames": _Counterpart("frame_sampling", "dbof", {True: "random"}),
    "dbof_hidden_size": _Counterpart("hidden_size", "dbof"),
    "dbof_pooling_method": _Counterpart("pooling", "dbof", {"max": "max", "average": "mean"}),
}
# Of a trained network, each is compared with a field; None: whatever the network.
_COMPARED = {
    "video_level_classifier_model": None,
    "moe_num_mixtures": None,
    "dbof_cluster_size": "dbof",
    "dbof_hidden_size": "dbof",
    "dbof_pooling_method": "dbof",
    "lstm_cells": "lstm",
    "lstm_layers": "lstm",
}
_MEANS = {schema.MEAN_PREFIX + name: name for name in schema.FEATURE_NAMES}


@dataclass(frozen=True)
class Level:
    """What the flags say about the level of the files.

    Attributes:
      video: whether records are video level; None: the flags do not say.
      given: the flag that says it.
      advice: what to do if the files are of the other level.
    """

    video: bool | None = None
    given: str = ""
    advice: str = ""

    def check(self, flag: str, read_as: Data) -> None:
        """Opens the first file of a pattern, if the flags say anything about it.

        Args:
          flag: the one that names the files.
          read_as: what the records hold.

        Raises:
          UserError: when the files are of the other level, or cannot be used.
        """
        if self.video is None:
            return
        from yt8m_attention.data.shard_dataset import ShardDataset

        found = ShardDataset(FLAGS[flag].value, flag, read_as, "videos")
        if found.video_level != self.video:
            kind = "video" if found.video_level else "frame"
            raise UserError(f"{self.given}: {found.paths[0]} holds {kind}-level records; {self.advice}")


def training() -> Level:
    """Translates the flags of train.

    Raises:
      UserError: for a value that has no counterpart, and for flags that contradict each other.
    """
    _refuse()
    level, name = _level(), FLAGS.model
    preset = presets.PRESETS.get(name) or presets.Preset(name, {})
    found = _counterparts(preset.network)
    classifier = FLAGS.video_level_classifier_model
    if preset.classifier and FLAGS["video_level_classifier_model"].present and classifier != preset.classifier:
        raise UserError(f"{_typed('video_level_classifier_model')}: {name} is {preset.classifier}; leave it out, or "
                        f"give --model={preset.network}")  # fmt: skip
    found = {flag: v for flag, v in preset.flags.items() if not FLAGS[flag].present} | found
    if name in presets.PRESETS:
        changed = [_typed(flag, value) for flag, value in found.items() if value != FLAGS[flag].default]
        logger.info(f"--model={name}: {preset.network} with {' '.join(changed)}")
    elif level.given and not FLAGS["model"].present:
        logger.info(f"--model: not given, so {name}; the starter code's default is LogisticModel")
    if FLAGS.regularization_penalty not in (None, 1):
        penalty = found.get("l2_penalty", FLAGS.l2_penalty)
        if penalty is None:
            penalty = L2_PENALTIES[found.get("video_level_classifier_model", classifier)]
        found["l2_penalty"] = FLAGS.regularization_penalty * penalty
    if not FLAGS.max_steps and not FLAGS.num_epochs:
        found["num_epochs"] = NUM_EPOCHS
        logger.info(f"--num_epochs: not given, so {NUM_EPOCHS} passes, the starter code's default")
    for flag, value in (found | {"model": preset.network}).items():
        FLAGS[flag].value = value
    for _, declared in TRAINING.options():
        FLAGS[declared.flag].value = None
    return level


def trained() -> Level:
    """Translates the flags of a command that reads a trained model.

    Raises:
      UserError: as training.
    """
    _refuse()
    return _level()


def change_data(level: Level, train_dir: str, flag: str, saved: Data) -> Data:
    """data.changed, after checks of what a user of the starter code repeats of the trained network.

    Args:
      level: of `trained`.
      train_dir: the directory of the trained model.
      flag: the one that names the files to read.
      saved: the data that the model was trained on.

    Raises:
      UserError: for a flag that contradicts the model or the files.
    """
    _check_network(train_dir)
    changed = data.changed(saved)
    level.check(flag, changed)
    return changed


def _given(flag):
    """Whether a command has a flag and it was set."""
    return flag in FLAGS and FLAGS[flag].present


def _typed(flag, value=None):
    """A flag as it is typed, with its own value or another one."""
    value = FLAGS[flag].value if value is None else value
    return f"--{'' if value else 'no'}{flag}" if isinstance(value, bool) else f"--{flag}={options.as_text(value)}"


def _refuse():
    for flag, (accepted, words) in _ACCEPTED.items():
        if _given(flag) and FLAGS[flag].value not in accepted:
            raise UserError(f"{_typed(flag)}: {words}")


def _level():
    """The level that the flags say; `mean_rgb` becomes `rgb`."""
    names, frames = FLAGS.feature_names, FLAGS.frame_features
    plain = ",".join(_MEANS.get(name, name) for name in names)
    level = Level()
    if set(names) & set(_MEANS):
        given, advice = _typed("feature_names"), f"give --feature_names={plain}"
        if not set(names) <= set(_MEANS):
            raise UserError(f"{given}: mixes names of video-level and frame-level features; {advice}")
        if frames:
            raise UserError(f"{given}: names a video-level feature, and --frame_features is given; {advice}")
        level = Level(True, given, advice)
        FLAGS["feature_names"].value = tuple(plain.split(","))
    elif frames is not None:
        advice = f"leave the flag out, or name {'frame' if frames else 'video'}-level files"
        level = Level(not frames, _typed("frame_features"), advice)
    if level.video and FLAGS.segment_labels:
        raise UserError(f"{level.given}: --segment_labels needs frame-level records; {advice}")
    return level


def _counterparts(network):
    """{flag of this project: value} of the starter code's flags that were given."""
    found = {}
    for flag, counterpart in _COUNTERPARTS.items():
        if not _given(flag) or counterpart.network not in (None, network):
            continue
        if flag == "sample_random_frames" and not FLAGS[flag].value:
            raise UserError(f"{_typed(flag)}: a random run of frames is not available; use --frame_sampling=every or "
                            "--frame_sampling=all")  # fmt: skip
        ours, value = counterpart.flag, _here(flag)
        if FLAGS[ours].present and FLAGS[ours].value != value:
            raise UserError(f"{_typed(flag)}: {_typed(ours)} is given too and says otherwise; leave one out")
        found[ours] = value
    return found


def _here(flag):
    """A flag's value in terms of its counterpart."""
    value, counterpart = FLAGS[flag].value, _COUNTERPARTS.get(flag)
    return counterpart.values[value] if counterpart and counterpart.values else value


def _check_network(train_dir):
    given = [flag for flag in ("model", *_COMPARED) if _given(flag)]
    if not given:
        return
    from yt8m_attention.runs import run_file

    saved = run_file.read(train_dir).model
    for flag in given:
        found = getattr(saved, _COUNTERPARTS[flag].flag if flag in _COUNTERPARTS else flag)
        where = f"{_typed(flag)}: the model in {train_dir}"
        if flag == "model":
            preset = presets.PRESETS.get(FLAGS.model) or presets.Preset(FLAGS.model, {})
            if found != preset.network:
                raise UserError(f"{where} is {found}; leave --model out")
            if preset.classifier not in (None, saved.video_level_classifier_model):
                raise UserError(f"{where} is {saved.video_level_classifier_model}; leave --model out")
        elif _COMPARED[flag] in (None, saved.model) and found != _here(flag):
            raise UserError(f"{where} has {found}; leave the flag out")
