"""One phase of training, and how it is run."""

from dataclasses import dataclass

from yt8m_attention.config.data import Data
from yt8m_attention.config.model import Model
from yt8m_attention.config.option import Options, count, option, require, size

# Default of --holdout_fraction in phase 2: the score on these videos selects the best checkpoint. Phase 1 holds none
# out: its labels are too many to overfit.
RATED_HOLDOUT = 0.1


@dataclass(frozen=True)
class Augmentation(Options):
    """How training varies its bags; each epoch draws anew. Evaluation and inference vary nothing."""

    virtual_segments: float = option(
        0.0, "mix bags in pairs, and their labels, with shares drawn from Beta(this, this), 0.01 to 100; 0: mix none"
    )
    reversed_videos: float = option(0.0, "share of the bags whose frames come in reverse order", least=0, most=1)
    dropped_segments: float = option(
        0.0, "share of a video's segments that phase 1 leaves out of its bag", least=0, below=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        # Far below 0.01 every share is 0 or 1, far above 100 a half.
        alpha = self.virtual_segments
        require(alpha == 0 or 0.01 <= alpha <= 100, "virtual_segments", alpha, "0, or a number from 0.01 to 100")


@dataclass(frozen=True)
class Phase(Options):
    """One phase of training: its labels, its learning rate, its length."""

    segment_labels: bool = option(
        False, "use rated segments instead of whole videos: train on them (phase 2), score them, or rank them"
    )
    batch_size: int = size(
        128,
        "train: number of examples in a step; eval, inference: number of bags scored at once, which changes no result; "
        "absent there: 32 videos, 256 segments",
    )
    base_learning_rate: float = option(8e-4, "Adam's learning rate at the start", above=0)
    learning_rate_decay: float = option(
        0.8, "factor applied to the learning rate every --learning_rate_decay_examples", above=0
    )
    learning_rate_decay_examples: int = count(4_000_000, "number of examples between two decays of the learning rate")
    clip_gradient_norm: float = option(1.0, "largest global norm of a gradient; 0: gradients are not clipped", least=0)
    max_steps: int | None = count(
        None, "number of steps of this phase, besides those of --init_checkpoint; absent: --num_epochs decides"
    )
    num_epochs: int | None = count(None, "number of passes over the data; absent: --max_steps decides")
    segment_class_weight: float = option(5.0, "weight of the segment classes in the loss; others: 1", least=0)
    unrated: str = option(
        "ignore",
        "pairs of segment and class without a rating: left out of the loss, or negative as in the published code",
        choices=("ignore", "negative"),
    )
    holdout_fraction: float = option(
        0.0,
        "share of the videos, chosen by their ids, that training never uses and that selects the best checkpoint; "
        f"absent: {RATED_HOLDOUT} in phase 2 and 0 in phase 1, or as the model was trained",
        flag_default=None,
        least=0,
        below=1,
    )
    init_checkpoint: str | None = option(
        None, "training directory or checkpoint file to start from; absent: new weights", changes_scores=False
    )
    reset_optimizer: bool = option(False, "take only the weights from --init_checkpoint and start at step 0")
    augmentation: Augmentation = Augmentation()
    teachers: tuple[str, ...] = option(
        (), "training directories of networks whose mean probabilities are learned as well (distillation)"
    )
    teacher_weight: float = option(
        0.5,
        "weight of the teachers in each target (1: teachers only); an unrated pair has the teachers' target alone, "
        "with this weight",
        above=0,
        most=1,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.max_steps or self.num_epochs, "max_steps", None, "--max_steps or --num_epochs")


@dataclass(frozen=True)
class Run(Options):
    """A training run: its directory, its data, its network, its phase, and how it is carried out."""

    train_dir: str = option(
        help="directory of a run: train writes checkpoints and TensorBoard events there, and resumes an existing run; "
        "other commands read the model and its options from there",
        changes_scores=False,
    )
    train_data_pattern: str = option(help="files to train on: glob patterns separated by commas, local or gs://")
    # mypy takes any declared option for a default.
    model: Model  # type: ignore[misc]
    data: Data  # type: ignore[misc]
    phase: Phase  # type: ignore[misc]
    seed: int = option(
        0, "seed of everything random: equal seeds draw equal weights, orders and noise", least=0, most=(1 << 32) - 1
    )
    deterministic: bool = option(False, "make equal runs give equal weights, also where that is slower")
    precision: str = option(
        "auto",
        "precision of matrix products; auto: bfloat16 or float16 on devices that are fast at it, else float32",
        choices=("auto", "float32", "mixed_bfloat16", "mixed_float16"),
    )
    jit_compile: str = option(
        "auto", "compile the whole step with XLA; auto: on one GPU", choices=("auto", "on", "off")
    )
    distribution: str = option(
        "auto",
        "devices to train on: every GPU (auto), the first device (one), or all logical devices (mirrored)",
        choices=("auto", "one", "mirrored"),
    )
    num_gpu: int | None = count(
        None, "maximum number of GPUs to train on, without effect where there is none; absent: no limit"
    )
    vocabulary: str | None = option(
        None,
        "CSV of class names, columns Index and Name; absent: the copy that train keeps in --train_dir, if any, else "
        "classes are named by their ids",
        changes_scores=False,
    )
    start_new_model: bool = option(False, "move what --train_dir holds aside and start anew", changes_scores=False)
    save_checkpoint_steps: int = count(1000, "number of steps between checkpoints")
    keep_checkpoints: int = count(3, "number of newest checkpoints kept, besides the best")
    log_steps: int = count(10, "number of steps between points of the curves")
    profile_steps: tuple[int, ...] | None = option(
        None, "A,B: write a TensorBoard profile of this process's steps A to B; absent: none"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.profile_steps is not None:
            first, last = self.profile_steps if len(self.profile_steps) == 2 else (0, 0)
            require(1 <= first <= last, "profile_steps", self.profile_steps, "a first step, from 1 on, and a last one")
        require(self.train_dir, "train_dir", self.train_dir, "a directory for checkpoints and events")
