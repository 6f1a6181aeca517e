"""Loads and checks the models of an ensemble. All members need the same frames, segments and classes."""

import dataclasses
import logging
from collections.abc import Callable, Sequence

from yt8m_attention import config
from yt8m_attention.errors import UserError
from yt8m_attention.runs import lineage, restore

logger = logging.getLogger(__name__)

# Values that all members share: field of config.Data -> its flag. The sampling of whole videos can differ, because the
# bag of a segment holds all its frames.
_SHARED = {
    "features": "feature_names and --feature_sizes",
    "num_classes": "num_classes",
    "segment_size": "segment_size",
    "segment_window": "segment_window",
    "segment_classes": "segment_label_ids_file",
}


def load(
    train_dirs: Sequence[str], change_data: Callable[[config.Data], config.Data]
) -> tuple[list[restore.Trained], config.Data]:
    """Loads the models of training directories.

    Args:
      train_dirs: one or more directories.
      change_data: function of a run's config.Data -> the config.Data to score with.

    Returns:
      (list of restore.Trained, their shared config.Data).

    Raises:
      UserError: if a model cannot be loaded, or if models need different input; names the flag that differs.
    """
    members = [restore.load(train_dir) for train_dir in train_dirs]
    data = [change_data(member.run.data) for member in members]
    for train_dir, other in zip(train_dirs[1:], data[1:], strict=True):
        for field, flag in _SHARED.items():
            first, found = getattr(data[0], field), getattr(other, field)
            if first != found:
                raise UserError(f"--inputs: --{flag} of {train_dir} is {_shortened(found)}, of {train_dirs[0]} "
                                f"{_shortened(first)}; blend models with the same input")  # fmt: skip
    return members, data[0]


def check_sampled_alike(members: Sequence[restore.Trained], change_data: Callable[[config.Data], config.Data]) -> None:
    """Checks that all members sample the same frames of a whole video. Needed if videos are scored with segments.

    Raises:
      UserError: if a sampling flag differs; names the flag.
    """
    first, *others = (dataclasses.asdict(change_data(member.run.data).sampling) for member in members)
    for member, other in zip(members[1:], others, strict=True):
        for flag in (flag for flag in other if other[flag] != first[flag]):
            raise UserError(f"--video_score_weight: --{flag} of {member.run.train_dir} is {other[flag]}, of "
                            f"{members[0].run.train_dir} {first[flag]}; all members need the same frames of a video, "
                            f"give --{flag}")  # fmt: skip


def _shortened(value):
    text = str(value)
    return text if len(text) <= 60 else text[:60] + "..."


def check_unseen(members: Sequence[restore.Trained], pattern: str, share: float, flag: str) -> None:
    """Refuses videos that a member was trained on, in any phase: a fit or a score there favours memorisation.

    Logs a note if the training files of a member cannot be found.

    Args:
      members: result of `load`.
      pattern: files, compared by path.
      share: the held-out share that is used; 0: all videos.
      flag: name of the flag that gives the files.

    Raises:
      UserError: if a member was trained on these videos; names the member.
    """
    found = lineage.paths(pattern, flag)
    for member in members:
        for run, path in lineage.phases(member.run):
            if run and 0 < share <= run.phase.holdout_fraction:
                continue
            trained = lineage.trained_on(run)
            if trained is None:
                missing = f"the files that {path} was trained on" if run else f"{path}, its --init_checkpoint,"
                logger.info(f"note: {member.run.train_dir}: {missing} cannot be found, so it is unknown whether it "
                            f"was trained on videos of --{flag}")  # fmt: skip
            elif run and found & trained:
                held_out = run.phase.holdout_fraction
                advice = "give --only_holdout" if held_out and not share else "name other files"
                raise UserError(f"--{flag}={pattern}: {path} was trained on videos of these files, holding out "
                                f"{held_out:g} of them; {advice}")  # fmt: skip


def check_not_scored(fit_pattern: str, input_pattern: str) -> None:
    """Refuses to fit weights on the files that the ensemble scores.

    Raises:
      UserError: if the patterns have a file in common.
    """
    both = lineage.paths(fit_pattern, "fit_data_pattern") & lineage.paths(input_pattern, "input_data_pattern")
    if both:
        raise UserError(f"--fit_data_pattern={fit_pattern}: has {min(both)} in common with --input_data_pattern; "
                        "fit the weights on other videos than the scored ones")  # fmt: skip
