"""The models of an ensemble, which must agree on what a frame, a segment and a class are."""

import os

from yt8m_attention import progress
from yt8m_attention.data import files as data_files
from yt8m_attention.errors import UserError
from yt8m_attention.training import restore, run_file

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
    found = _absolute(pattern, flag)
    for member in members:
        for run, path in _phases(member.run):
            if run and 0 < share <= run.phase.holdout_fraction:
                continue
            trained = _trained_on(run)
            if trained is None:
                gone = f"the files that {path} was trained on" if run else f"{path}, its --init_checkpoint,"
                progress.say(f"note: {member.run.train_dir}: {gone} cannot be found, so nobody can tell whether it "
                             f"was trained on videos of --{flag}")  # fmt: skip
            elif found & trained:
                kept = run.phase.holdout_fraction
                advice = "give --only_holdout" if kept and not share else "name other files"
                raise UserError(f"--{flag}={pattern}: {path} was trained on videos of these files, holding out "
                                f"{kept:g} of them; {advice}")  # fmt: skip


def _trained_on(run):
    """The files of a run, None where they, or the run, are gone."""
    try:
        return run and _absolute(run.train_data_pattern, "train_data_pattern")
    except UserError:
        return None


def _phases(run):
    """(config.Run, its directory) of a run and of those it started from, the last first; None for one that is gone."""
    path, seen = run.train_dir, set()
    while path not in seen:
        yield run, path
        seen.add(path)
        start = run.phase.init_checkpoint
        if not start:
            return
        path = start if run_file.exists(start) else os.path.dirname(os.path.dirname(start))  # a checkpoint file's
        try:
            run = run_file.read(path)
        except UserError:
            yield None, start
            return


def check_not_scored(fit_pattern, input_pattern):
    """Refuses to fit weights on the files that the ensemble is to score.

    Raises:
      UserError: where the patterns have a file in common.
    """
    both = _absolute(fit_pattern, "fit_data_pattern") & _absolute(input_pattern, "input_data_pattern")
    if both:
        raise UserError(f"--fit_data_pattern={fit_pattern}: has {min(both)} in common with --input_data_pattern; "
                        "weights are fitted on other videos than those that are scored")  # fmt: skip


def _absolute(pattern, flag):
    return {p if data_files.is_remote(p) else os.path.realpath(p) for p in data_files.expand(pattern, flag)}
