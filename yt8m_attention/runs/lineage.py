"""The phases that led to a trained model, and the files that it was trained on."""

import os
from collections.abc import Iterator

from yt8m_attention import config
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.errors import UserError
from yt8m_attention.runs import run_file


def phases(run: config.Run) -> Iterator[tuple[config.Run | None, str]]:
    """Yields (run, directory) of a run and of the runs that it was initialized from, newest first.

    If an earlier run no longer exists, the last pair is (None, value of --init_checkpoint).
    """
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


def trained_on(run: config.Run | None) -> set[str] | None:
    """Returns the paths of the training files of one phase, or None if the files or the run no longer exist."""
    try:
        return paths(run.train_data_pattern, "train_data_pattern") if run else None
    except UserError:
        return None


def paths(pattern: str, flag: str) -> set[str]:
    """Returns the files of a pattern as canonical paths, which can be compared."""
    return {p if file_patterns.is_remote(p) else os.path.realpath(p) for p in file_patterns.expand(pattern, flag)}


def learned_from(run: config.Run, pattern: str, fraction: float, flag: str = "eval_data_pattern") -> bool | None:
    """Returns whether a run was trained, in any of its phases, on the scored videos of some files.

    Args:
      run: configuration of the run.
      pattern: files with labels.
      fraction: fraction of their videos that is held out and scored; 0: all videos are scored.
      flag: name of the flag with the pattern, for messages.

    Returns:
      None if it is unknown because a phase or its files no longer exist.
    """
    found, unknown = paths(pattern, flag), False
    for phase, _ in phases(run):
        if phase and 0 < fraction <= phase.phase.holdout_fraction:
            continue
        trained = trained_on(phase)
        if trained is None:
            unknown = True
        elif found & trained:
            return True
    return None if unknown else False
