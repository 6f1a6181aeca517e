"""What a run was trained on, in all of its phases."""

import os

from yt8m_attention.data.storage import file_patterns
from yt8m_attention.errors import UserError
from yt8m_attention.runs import run_file


def phases(run):
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


def trained_on(run):
    """The files of one phase, a set of paths; None where they, or the run, are gone."""
    try:
        return run and paths(run.train_data_pattern, "train_data_pattern")
    except UserError:
        return None


def paths(pattern, flag):
    """The files of a pattern, as they are compared: a set."""
    return {p if file_patterns.is_remote(p) else os.path.realpath(p) for p in file_patterns.expand(pattern, flag)}


def learned_from(run, pattern, share, flag="eval_data_pattern"):
    """Whether a run was trained, in any phase, on videos of these files.

    Args:
      run: its config.Run.
      pattern: labelled files.
      share: of their videos that alone is scored, 0 for all.
      flag: that names the files.

    Returns:
      True or False; None where nobody can tell any more, since a phase or its files are gone.
    """
    found, unknown = paths(pattern, flag), False
    for phase, _ in phases(run):
        if phase and 0 < share <= phase.phase.holdout_fraction:
            continue
        trained = trained_on(phase)
        if trained is None:
            unknown = True
        elif found & trained:
            return True
    return None if unknown else False
