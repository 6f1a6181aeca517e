"""Trained networks that another one learns from: distillation. Letters: B batch, V classes."""

from keras import ops

from yt8m_attention import progress
from yt8m_attention.errors import UserError
from yt8m_attention.runs import checkpoints, lineage, restore, run_file


def check(run):
    """Makes sure that each of a run's teachers can be asked about its bags, before anything is written.

    It says where a teacher learned from videos that the run holds out to choose its checkpoint by.

    Raises:
      UserError: where a directory holds no run, none with a checkpoint, or that of a network of other features or
        classes.
    """
    share = run.phase.holdout_fraction
    for directory in run.phase.teachers:
        teacher = run_file.read(directory, "teachers")
        pairs = ({"features": r.model.features, "num_classes": r.model.num_classes} for r in (teacher, run))
        differing = run_file.differences(*pairs)
        if differing:
            raise UserError(f"--teachers={directory}: answers other questions: {'; '.join(differing)}; name another")
        checkpoints.candidates(directory, "teachers")
        if share and lineage.learned_from(teacher, run.train_data_pattern, share, "train_data_pattern"):
            progress.say(f"note: {directory} of --teachers learned from videos that are held out here, so held-out "
                         f"scores will be too good; train it with --holdout_fraction={share:g}")  # fmt: skip


def load(directories):
    """The mean answer of trained networks, each with its best checkpoint.

    Source: Hinton et al. 2015, distillation of an ensemble; named as future work in arXiv 1911.06866.

    Args:
      directories: training directories.

    Returns:
      A function of bags, a dict of frames and mask as models take them, -> probabilities float32 [B, V], in which
      nothing is trained; None without directories.

    Raises:
      UserError: where one of them cannot be loaded.
    """
    models = [restore.load(directory, flag="teachers").model for directory in directories]

    def teacher_fn(bags):
        answers = [model(bags, training=False)["probabilities"] for model in models]
        return ops.stop_gradient(sum(answers) / len(answers))

    return teacher_fn if models else None
