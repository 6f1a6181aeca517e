"""Initial state of a phase: an earlier run's newest checkpoint, a checkpoint of another run, or fresh weights."""

import logging
import os
from collections.abc import Mapping

from yt8m_attention.aliases import Tensor
from yt8m_attention.config import Run
from yt8m_attention.errors import UserError
from yt8m_attention.runs import checkpoints, directory_lock, model_state, run_file
from yt8m_attention.training.loop import State

logger = logging.getLogger(__name__)


def restore_or_initialize(run: Run, variables: Mapping[str, Tensor]) -> tuple[State, str | None]:
    """Sets the variables from the first of these sources that exists:

    1. the newest whole checkpoint in train_dir: weights, optimizer, step, input position, random generators;
    2. --init_checkpoint: weights, and optimizer and step unless --reset_optimizer; the input starts at the beginning;
    3. nothing: the weights stay as initialized.

    --start_new_model skips 1 and moves the files in train_dir into a subdirectory.

    Args:
      run: the configuration.
      variables: the variables by name (model_state.variables).

    Returns:
      (State, path of the checkpoint from which the run was resumed in case 1, else None).

    Raises:
      UserError: if train_dir holds another run, or a checkpoint cannot be used.
    """
    if run.start_new_model:
        _move_old_files(run.train_dir)
    elif run_file.exists(run.train_dir):
        _check_same_run(run)
    newest = checkpoints.load_newest(run.train_dir)
    if newest:
        path, arrays, meta = newest
        model_state.assign(variables, arrays, path)
        logger.info(f"resuming from {path}")
        return State.from_meta(meta), path
    if run.phase.init_checkpoint:
        return _start_from(run, variables), None
    return State(), None


def _check_same_run(run):
    """Raises UserError if train_dir holds a run of other settings.

    With another held-out fraction, training videos would be scored. With another seed, some videos would be read twice
    and others never.
    """
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
    with run_file.same_network(path, run.model, "init_checkpoint"):
        model_state.assign(wanted, arrays, path)
    logger.info(f"starting from {path}")
    step = 0 if run.phase.reset_optimizer else meta["step"]
    return State(step=step, first_step=step)


def _move_old_files(train_dir):
    """Moves the files of the earlier run into `replaced-N`, so that nothing is lost."""
    present = set(os.listdir(train_dir)) - {directory_lock.NAME}
    former = {name for name in present if name.startswith("replaced-")}
    names = sorted(present - former)
    if not names:
        return
    # One more than the highest number, since some of the earlier directories may have been removed.
    numbers = [int(number) for number in (name.removeprefix("replaced-") for name in former) if number.isdecimal()]
    target = os.path.join(train_dir, f"replaced-{1 + max(numbers, default=0)}")
    try:
        os.mkdir(target)
        for name in names:
            os.rename(os.path.join(train_dir, name), os.path.join(target, name))
    except OSError as error:
        what = f"cannot be moved into {target}: {error.strerror}; move it, or name another --train_dir"
        raise UserError(f"--start_new_model: the content of {train_dir} {what}") from error
    logger.info(f"--start_new_model: moved the content of {train_dir} into {target}")
