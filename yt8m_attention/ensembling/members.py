"""The models of an ensemble, which must agree on what a frame, a segment and a class are."""

import dataclasses
import logging

from yt8m_attention.errors import UserError
from yt8m_attention.runs import lineage, restore

logger = logging.getLogger(__name__)

# What all members are given alike: field of config.Data -> its flag. How whole videos are sampled may differ, since a
# segment's bag is its own frames.
_SHARED = {
    "features": "feature_names and --feature_sizes",
    "num_classes": "num_classes",
    "segment_size": "segment_size",
    "segment_window": "segment_window",
    "segment_classes": "segment_label_ids_file",
}


def load(train_dirs, change_data):
    """Loads the models of training directories.

    Args:
      train_dirs: one or more.
      change_data: function of a run's config.Data -> the one to score with, as the command line says.

    Returns:
      (list of restore.Trained, the config.Data that they share).

    Raises:
      UserError: where one cannot be loaded, or they need different input, naming the flag that differs.
    """
    members = [restore.load(train_dir) for train_dir in train_dirs]
    data = [change_data(member.run.data) for member in members]
    for train_dir, other in zip(train_dirs[1:], data[1:], strict=True):
        for field, flag in _SHARED.items():
            first, found = getattr(data[0], field), getattr(other, field)
            if first != found:
                raise UserError(f"--inputs: --{flag} of {train_dir} is {_shortened(found)}, of {train_dirs[0]} "
                                f"{_shortened(first)}; blend models of one kind of input")  # fmt: skip
    return members, data[0]


def check_sampled_alike(members, change_data):
    """Makes sure that all members take the same frames of a whole video, where videos are scored beside segments.

    Raises:
      UserError: naming a flag that differs.
    """
    first, *others = (dataclasses.asdict(change_data(member.run.data).sampling) for member in members)
    for member, other in zip(members[1:], others, strict=True):
        for flag in (flag for flag in other if other[flag] != first[flag]):
            raise UserError(f"--video_score_weight: --{flag} of {member.run.train_dir} is {other[flag]}, of "
                            f"{members[0].run.train_dir} {first[flag]}; all are shown the same frames of a video, so "
                            f"give --{flag}")  # fmt: skip


def _shortened(value):
    text = str(value)
    return text if len(text) <= 60 else text[:60] + "..."


def check_unseen(members, pattern, share, flag):
    """Refuses videos that a member was trained on, in any of its phases: what is fitted or judged there favours whoever
    learned them by heart. What can no longer be compared is said.

    Args:
      members: of `load`.
      pattern: files, which are known by their paths.
      share: the held-out share that alone is used; 0: all videos.
      flag: that names the files.

    Raises:
      UserError: naming the member.
    """
    found = lineage.paths(pattern, flag)
    for member in members:
        for run, path in lineage.phases(member.run):
            if run and 0 < share <= run.phase.holdout_fraction:
                continue
            trained = lineage.trained_on(run)
            if trained is None:
                gone = f"the files that {path} was trained on" if run else f"{path}, its --init_checkpoint,"
                logger.info(f"note: {member.run.train_dir}: {gone} cannot be found, so nobody can tell whether it "
                            f"was trained on videos of --{flag}")  # fmt: skip
            elif found & trained:
                kept = run.phase.holdout_fraction
                advice = "give --only_holdout" if kept and not share else "name other files"
                raise UserError(f"--{flag}={pattern}: {path} was trained on videos of these files, holding out "
                                f"{kept:g} of them; {advice}")  # fmt: skip


def check_not_scored(fit_pattern, input_pattern):
    """Refuses to fit weights on the files that the ensemble is to score.

    Raises:
      UserError: where the patterns have a file in common.
    """
    both = lineage.paths(fit_pattern, "fit_data_pattern") & lineage.paths(input_pattern, "input_data_pattern")
    if both:
        raise UserError(f"--fit_data_pattern={fit_pattern}: has {min(both)} in common with --input_data_pattern; "
                        "weights are fitted on other videos than those that are scored")  # fmt: skip
