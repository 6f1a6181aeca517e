"""What a phase starts from: where a former run of it stopped, a checkpoint of another, or nothing."""

import os

from yt8m_attention import progress
from yt8m_attention.errors import UserError
from yt8m_attention.runs import checkpoints, directory_lock, model_state, run_file
from yt8m_attention.training.loop import State


def restore_or_initialize(run, variables):
    """Fills the variables, from the first of these that there is:

    1. the newest readable checkpoint in train_dir: weights, optimizer, step, input position, random generators;
    2. --init_checkpoint: weights, and optimizer and step unless --reset_optimizer; the input starts anew;
    3. nothing: fresh weights.

    --start_new_model passes over 1 and puts what was there aside.

    Returns:
      (State, path that the run was resumed from, None but in case 1).
    """
    if run.start_new_model:
        _put_aside(run.train_dir)
    elif run_file.exists(run.train_dir):
        _check_same_run(run)
    newest = checkpoints.load_newest(run.train_dir)
    if newest:
        path, arrays, meta = newest
        model_state.assign(variables, arrays, path)
        progress.say(f"going on from {path}")
        return State.from_meta(meta), path
    if run.phase.init_checkpoint:
        return _start_from(run, variables), None
    return State(), None


def _check_same_run(run):
    """Going on with another share held out would score videos that were learned from, with another seed take some
    videos twice and others not at all."""
    former = run_file.read(run.train_dir)
    differences = run_file.differences(former.model, run.model) + run_file.differences(
        *({"segment_labels": r.phase.segment_labels, "holdout_fraction": r.phase.holdout_fraction, "seed": r.seed}
          for r in (former, run))
    )  # fmt: skip
    if differences:
        raise UserError(f"--train_dir={run.train_dir} holds another run ({'; '.join(differences)}); name another "
                        "directory, or give --start_new_model")  # fmt: skip


def _start_from(run, variables):
    path, arrays, meta = checkpoints.find(run.phase.init_checkpoint, "init_checkpoint")
    wanted = {name: v for name, v in variables.items() if not run.phase.reset_optimizer or name.startswith("model/")}
    with run_file.filling(path, run.model, "init_checkpoint"):
        model_state.assign(wanted, arrays, path)
    progress.say(f"starting from {path}")
    step = 0 if run.phase.reset_optimizer else meta["step"]
    return State(step=step, first_step=step)


def _put_aside(train_dir):
    """Moves a former run's files into `replaced-N`, so that starting anew loses nothing."""
    there = set(os.listdir(train_dir)) - {directory_lock.NAME}
    former = {name for name in there if name.startswith("replaced-")}
    names = sorted(there - former)
    if not names:
        return
    # One more than the highest: some of the former ones may be gone.
    numbers = [int(number) for number in (name.removeprefix("replaced-") for name in former) if number.isdecimal()]
    aside = os.path.join(train_dir, f"replaced-{1 + max(numbers, default=0)}")
    try:
        os.mkdir(aside)
        for name in names:
            os.rename(os.path.join(train_dir, name), os.path.join(aside, name))
    except OSError as error:
        what = f"cannot be moved into {aside}: {error.strerror}; move it, or name another --train_dir"
        raise UserError(f"--start_new_model: what is in {train_dir} {what}") from error
    progress.say(f"--start_new_model: what was in {train_dir} is now in {aside}")
