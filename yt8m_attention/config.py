"""What a run is, as frozen values: the flags end here, and nothing below reads a flag.

A field is named after its flag. Every class checks itself when it is made, so a value that exists is a
value that can be used; a wrong one raises UserError in the words of the flag it came from.
"""

import dataclasses
import math
import typing
from dataclasses import dataclass

from yt8m_attention import schema
from yt8m_attention.errors import UserError


def _require(condition, flag, found, wanted):
    if not condition:
        raise UserError(f"--{flag}: found {found!r}, wanted {wanted}")


def _one_of(flag, found, allowed):
    _require(found in allowed, flag, found, "one of " + ", ".join(allowed))


# Beyond these, sizes of arrays, and whole numbers in general, are slips of the keyboard that only TensorFlow's
# counting in 32 or 64 bits would stop, in words of its own.
LARGEST_SIZE = 1 << 20
LARGEST = (1 << 31) - 1


def _between(flag, found, least, most=LARGEST):
    _require(least <= found <= most, flag, found, f"{least} to {most}")


def _all_between(least, found):
    return all(least <= number <= LARGEST_SIZE for number in found)


def _finite(flag, found, least=0.0):
    _require(math.isfinite(found) and found >= least, flag, found, f"a number, {least:g} or more")


def _unit_interval(flag, found):
    _require(0 <= found < 1, flag, found, "a share, 0 or more and less than 1")


@dataclass(frozen=True)
class Features:
    """The streams of a frame, concatenated in this order."""

    names: tuple[str, ...] = schema.FEATURE_NAMES
    sizes: tuple[int, ...] = schema.FEATURE_SIZES

    def __post_init__(self):
        _require(self.names and len(set(self.names)) == len(self.names), "feature_names", self.names, "distinct names")
        _require(len(self.names) == len(self.sizes), "feature_sizes", self.sizes,
                 f"one size for each of --feature_names={','.join(self.names)}")  # fmt: skip
        for size in self.sizes:
            _between("feature_sizes", size, 1, LARGEST_SIZE)

    @property
    def total(self):
        """Features of one frame over all streams (F)."""
        return sum(self.sizes)


@dataclass(frozen=True)
class Sampling:
    """Which frames of a video make up its bag. A segment's bag is always its own frames, all of them."""

    frame_sampling: str = "random"  # random: with replacement; every: a fixed stride; all: each frame once
    num_frames: int = 120  # random: how many are drawn
    trim_frames: int = 15  # random, all: left out at either end; a video too short for that keeps all its frames
    frame_stride: int = 5  # every: one frame in so many ...
    first_frame: int = 20  # ... from here ...
    last_frame: int = 270  # ... to here; a video that ends before the first is taken from its start
    max_frames: int = schema.MAX_FRAMES  # all, and random at evaluation: frames beyond are not read

    def __post_init__(self):
        _one_of("frame_sampling", self.frame_sampling, ("random", "every", "all"))
        for flag in ("num_frames", "frame_stride", "max_frames"):
            _between(flag, getattr(self, flag), 1, LARGEST_SIZE)
        for flag in ("trim_frames", "first_frame"):
            _between(flag, getattr(self, flag), 0, LARGEST_SIZE)
        _require(self.first_frame <= self.last_frame <= LARGEST_SIZE, "last_frame", self.last_frame,
                 f"--first_frame={self.first_frame} to {LARGEST_SIZE}")  # fmt: skip


@dataclass(frozen=True)
class Data:
    """What the records hold and how they become bags."""

    features: Features = Features()
    num_classes: int = schema.NUM_CLASSES
    sampling: Sampling = Sampling()
    segment_size: int = schema.SEGMENT_SIZE  # frames
    frame_seconds: float = 1.0  # how far apart frames are; what people are shown counts in seconds
    segment_window: tuple[int, int] = schema.RATED_WINDOW  # frames without segments at head and tail, inference only
    segment_classes: tuple[int, ...] | None = None  # ids of the classes that segments are rated for; None: as rated
    shuffle_shards: int = 0  # shards open at once, over which records are shuffled; 0: all when local, else 16
    index_dir: str | None = None  # where shards' indices are kept; None: beside each, if possible; none: nowhere
    verify_crc: bool = False  # whether each record's checksum is compared when it is first read
    max_bad_records: int = 0  # records that cannot be used: so many are skipped, one more stops
    cache_dir: str | None = None  # where copies of remote shards are kept; None: a temporary directory
    cache_bytes: int = 2 << 30  # of such copies, beyond those in use; and of rated segments kept in memory

    def __post_init__(self):
        _between("num_classes", self.num_classes, 1, LARGEST_SIZE)
        _between("segment_size", self.segment_size, 1, LARGEST_SIZE)
        _between("frame_seconds", self.frame_seconds, 0.001, 3600)
        _between("shuffle_shards", self.shuffle_shards, 0)
        _between("max_bad_records", self.max_bad_records, 0)
        _between("cache_bytes", self.cache_bytes, 0, (1 << 63) - 1)
        _require(
            len(self.segment_window) == 2 and 0 <= min(self.segment_window) <= max(self.segment_window) <= LARGEST,
            "segment_window", self.segment_window, "two numbers of frames, 0 or more",
        )  # fmt: skip
        for c in self.segment_classes or ():
            _require(
                0 <= c < self.num_classes,
                "segment_label_ids_file",
                c,
                f"class ids below --num_classes={self.num_classes}",
            )


@dataclass(frozen=True)
class Model:
    """A network: its name in the registry, and what it is built with."""

    model: str = "multi_attention"
    features: Features = Features()
    num_classes: int = schema.NUM_CLASSES
    video_level_classifier_model: str = "moe"
    num_heads: int = 8  # attention heads, fused by the maximum of their probabilities
    attention_normalizer: str = "sparsemax"
    attention_sizes: tuple[int, ...] | None = None  # C of each stream; None: a quarter of the stream, 64 at least
    hidden_layer: bool = True  # whether a linear layer stands between pooling and classifier
    hidden_size: int = 1024  # width of the hidden layer, which is what is classified; of the transformer throughout
    context_gating: bool = True
    moe_num_mixtures: int = 2  # experts beside the dummy
    moe_probability_gating: bool = True
    prior_probability: float = 0.5  # what the classifier says of each class at first; 0.5 as published
    input_noise: float = 1e-3  # standard deviation added to the l2-normalised frames while training
    l2_penalty: float | None = None  # None: 1e-8 for logistic, 1e-6 for the mixture of experts, as published
    pooling: str = "mean"  # over a bag's frames, of what the network makes of them: mean, max, or last
    dbof_cluster_size: int = 2048
    netvlad_cluster_size: int = 64  # of the first stream; half of it for any other, as in the published networks
    cnn_filter_widths: tuple[int, ...] = (1, 2, 3)  # frames that a filter sees ...
    cnn_filters: tuple[int, ...] = (1024, 1024, 2048)  # ... and how many filters there are of each width
    gru_cells: int = 1024
    lstm_cells: int = 1024
    nextvlad_cluster_size: int = 128  # of the first stream; half of it for any other, as published; so the groups
    nextvlad_groups: int = 8
    nextvlad_expansion: int = 2  # factor on a stream's width before it is cut into groups
    mix_number: int = 3  # networks of the mixture
    transformer_layers: int = 3
    transformer_heads: int = 8

    def __post_init__(self):
        _one_of("video_level_classifier_model", self.video_level_classifier_model, ("logistic", "moe"))
        _one_of("attention_normalizer", self.attention_normalizer, ("sparsemax", "softmax"))
        _one_of("pooling", self.pooling, ("mean", "max", "last"))
        for flag in ("num_classes", "num_heads", "hidden_size", "moe_num_mixtures", "dbof_cluster_size", "gru_cells",
                     "lstm_cells", "nextvlad_groups", "nextvlad_expansion", "transformer_layers",
                     "transformer_heads"):  # fmt: skip
            _between(flag, getattr(self, flag), 1, LARGEST_SIZE)
        # Half of the first two has to be one; a mixture of one mixes nothing.
        for flag in ("netvlad_cluster_size", "nextvlad_cluster_size", "mix_number"):
            _between(flag, getattr(self, flag), 2, LARGEST_SIZE)
        self._check_filters()
        _between("input_noise", self.input_noise, 0, 1)  # of frames whose norm is one
        prior = self.prior_probability
        _require(0 < prior < 1, "prior_probability", prior, "a probability, more than 0 and less than 1")
        if self.l2_penalty is not None:
            _finite("l2_penalty", self.l2_penalty)
        if self.attention_sizes is not None:
            _require(
                len(self.attention_sizes) == len(self.features.sizes) and _all_between(2, self.attention_sizes),
                "attention_sizes", self.attention_sizes, f"a size from 2 to {LARGEST_SIZE} for each feature",
            )  # fmt: skip

    def _check_filters(self):
        widths, filters = self.cnn_filter_widths, self.cnn_filters
        _require(
            len(set(widths)) == len(widths) > 0 and _all_between(1, widths),
            "cnn_filter_widths", widths, f"distinct numbers of frames, 1 to {LARGEST_SIZE}",
        )  # fmt: skip
        _require(
            len(filters) == len(widths) and _all_between(1, filters),
            "cnn_filters", filters,
            f"a number of filters for each of --cnn_filter_widths={widths}, 1 to {LARGEST_SIZE}",
        )  # fmt: skip


@dataclass(frozen=True)
class Augmentation:
    """How training varies its bags; each draw is a new one every epoch. Nothing of it is done elsewhere."""

    virtual_segments: float = 0.0  # bags are mixed in pairs, with shares from Beta(this, this); 0: none
    reversed_videos: float = 0.0  # of the bags, whose frames come in reverse order
    dropped_segments: float = 0.0  # of a video's segments, whose frames its bag is left without; bags of videos only

    def __post_init__(self):
        # Far below, every share is 0 or 1; far above, a half.
        alpha = self.virtual_segments
        _require(alpha == 0 or 0.01 <= alpha <= 100, "virtual_segments", alpha, "0, or a number from 0.01 to 100")
        _require(0 <= self.reversed_videos <= 1, "reversed_videos", self.reversed_videos, "a share, 0 to 1")
        _unit_interval("dropped_segments", self.dropped_segments)


@dataclass(frozen=True)
class Phase:
    """One phase of training: what is learned from, how fast, how long."""

    segment_labels: bool = False  # phase 2: rated segments; phase 1: whole videos
    batch_size: int = 128
    base_learning_rate: float = 8e-4
    learning_rate_decay: float = 0.8
    learning_rate_decay_examples: int = 4_000_000
    clip_gradient_norm: float = 1.0  # global norm; 0: never clipped
    max_steps: int | None = None  # steps of this phase, beside those that its starting checkpoint brings
    num_epochs: int | None = None
    segment_class_weight: float = 5.0  # in the loss, for segment classes; 1 for all others
    unrated: str = "ignore"  # pairs that nobody rated: no part of the loss, or negative as in the published code
    holdout_fraction: float = 0.0  # of the videos, by a hash of the id: never trained on, picks the best checkpoint
    init_checkpoint: str | None = None  # file or training directory whose weights (and optimizer, step) to start from
    reset_optimizer: bool = False
    augmentation: Augmentation = Augmentation()
    teachers: tuple[str, ...] = ()  # training directories of networks whose mean answer is learned from, too ...
    teacher_weight: float = 0.5  # ... as so large a part of each label

    def __post_init__(self):
        _one_of("unrated", self.unrated, ("ignore", "negative"))
        _between("batch_size", self.batch_size, 1, LARGEST_SIZE)
        _between("learning_rate_decay_examples", self.learning_rate_decay_examples, 1)
        for flag in ("base_learning_rate", "learning_rate_decay"):
            value = getattr(self, flag)
            _require(value > 0 and math.isfinite(value), flag, value, "a number, more than 0")
        for flag in ("clip_gradient_norm", "segment_class_weight"):
            _finite(flag, getattr(self, flag))
        for flag in ("max_steps", "num_epochs"):
            if getattr(self, flag) is not None:
                _between(flag, getattr(self, flag), 1)
        _require(self.max_steps or self.num_epochs, "max_steps", None, "--max_steps or --num_epochs")
        _unit_interval("holdout_fraction", self.holdout_fraction)
        _require(0 < self.teacher_weight <= 1, "teacher_weight", self.teacher_weight, "a share, more than 0, to 1")


@dataclass(frozen=True)
class Run:
    """Where a training run lives and how it is carried out."""

    train_dir: str
    train_data_pattern: str
    model: Model
    data: Data
    phase: Phase
    seed: int = 0
    deterministic: bool = False  # equal runs give equal weights, also where that is slower
    precision: str = "auto"
    jit_compile: str = "auto"  # whether XLA compiles the whole step; auto: on one GPU
    distribution: str = "auto"  # auto: every GPU there is; one: the first device; mirrored: all logical devices
    vocabulary: str | None = None  # CSV of the classes' names, kept with the run
    start_new_model: bool = False
    save_checkpoint_steps: int = 1000
    keep_checkpoints: int = 3  # the newest so many, beside the best
    log_steps: int = 10
    profile_steps: tuple[int, ...] | None = None  # first and last step that a TensorBoard profile is written of

    def __post_init__(self):
        if self.profile_steps is not None:
            first, last = self.profile_steps if len(self.profile_steps) == 2 else (0, 0)
            _require(1 <= first <= last, "profile_steps", self.profile_steps, "a first step, from 1 on, and a last one")
        _require(self.train_dir, "train_dir", self.train_dir, "a directory for checkpoints and events")
        _one_of("precision", self.precision, ("auto", "float32", "mixed_bfloat16", "mixed_float16"))
        _one_of("jit_compile", self.jit_compile, ("auto", "on", "off"))
        _one_of("distribution", self.distribution, ("auto", "one", "mirrored"))
        for flag in ("save_checkpoint_steps", "keep_checkpoints", "log_steps"):
            _between(flag, getattr(self, flag), 1)
        _between("seed", self.seed, 0, (1 << 32) - 1)  # what numpy's and TensorFlow's generators take


def to_dict(config):
    """A config as nested plain values that JSON can hold."""
    return dataclasses.asdict(config)


def from_dict(cls, values):
    """The inverse of to_dict, also after a way through JSON (which turns tuples into lists).

    Raises:
      UserError: for a key that the class does not have, as a file written by another version may hold.
    """
    fields = {field.name: field.type for field in dataclasses.fields(cls)}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise UserError(f"saved configuration of {cls.__name__}: unknown keys {unknown}; written by another version")
    hints = typing.get_type_hints(cls)
    return cls(**{name: _revive(hints[name], value) for name, value in values.items()})


def _revive(hint, value):
    if dataclasses.is_dataclass(hint):
        return from_dict(hint, value)
    return tuple(value) if isinstance(value, list) else value
