"""One phase of training, from a configuration to a result: everything is set up here, in the order it must happen."""

import dataclasses
import os

import keras
import numpy as np
import tensorflow as tf

import yt8m_attention
from yt8m_attention import files, progress
from yt8m_attention.config import Run
from yt8m_attention.data import files as data_files
from yt8m_attention.data import label_ids, pipeline, vocabulary
from yt8m_attention.data.bad_records import BadRecords
from yt8m_attention.data.shards import Source
from yt8m_attention.errors import UserError
from yt8m_attention.evaluation import evaluator
from yt8m_attention.inference import scoring
from yt8m_attention.losses.weighted_cross_entropy import class_weights
from yt8m_attention.models import registry
from yt8m_attention.training import checkpoints, directory_lock, distribution, optimizer, precision, profiling, run_file
from yt8m_attention.training.directory_lock import DirectoryLock
from yt8m_attention.training.loop import Loop, State
from yt8m_attention.training.step import make_step
from yt8m_attention.training.stopping import Stopped, StopRequest
from yt8m_attention.training.summaries import Summaries


def train(run: Run, flags: dict):
    """Trains a phase into `run.train_dir`, going on where a former run of it stopped.

    Args:
      run: the whole configuration.
      flags: the effective flags, saved beside the checkpoints for people to read.

    Returns:
      dict: `step` (global), `loss` (mean over the last logged steps), `examples_per_second`, `checkpoint`,
      `resumed_from` (path or None), `parameters` (trainable), `weights_sha256`, `peak_memory_mb` (the GPU's, or
      the process's), `preempted` (asked to stop, so something is left to do), `bad_records` (different ones that were
      skipped). Stopped before the first step, what there is not is None.

    Raises:
      UserError: for flags, files or checkpoints that do not fit, before anything is written where that can be known.
    """
    with StopRequest() as stop:
        try:
            return _train(run, flags, stop)
        except Stopped:
            return dict.fromkeys(_RESULTS) | {"preempted": True}


_RESULTS = (
    "step", "loss", "examples_per_second", "checkpoint", "resumed_from", "parameters", "weights_sha256",
    "peak_memory_mb", "preempted", "bad_records",
)  # fmt: skip


def _train(run, flags, stop):
    _check(run)
    names = vocabulary.read(run.vocabulary)
    run = _with_segment_classes(run)
    files.make_directory(run.train_dir, "train_dir")
    with DirectoryLock(run.train_dir) as lock:
        for directory in (run.train_dir, checkpoints.directory(run.train_dir)):
            files.remove_leftovers(directory)
        _seed(run)
        strategy = distribution.strategy(run.distribution)
        with strategy.scope():
            policy = precision.use(run.precision)
            model = registry.build(run.model)
            adam = optimizer.build(run.phase, loss_scaling=policy == "mixed_float16")
            adam.build(model.trainable_variables)
        variables = checkpoints.variables_by_name(model, adam)
        state, resumed_from = _restore(run, variables)
        bad_records = BadRecords(run.data.max_bad_records)
        batches = pipeline.training_batches(
            run.train_data_pattern, run.data, run.phase, run.seed, state.position, bad_records=bad_records
        )
        stop.wait()
        run_file.write(run, flags, yt8m_attention.__version__)
        vocabulary.keep(run.train_dir, names)
        if run.data.segment_classes:
            label_ids.write(os.path.join(run.train_dir, "segment_label_ids.csv"), run.data.segment_classes)
        parameters = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
        size = sum(int(np.prod(weight.shape)) * 4 for weight in model.weights)
        progress.say(f"{run.model.model}: {parameters:,} parameters, {size / 1e6:.1f} MB, {policy}")
        rate, path, stopped = _run(run, flags, model, adam, variables, state, strategy, batches, lock, stop)
        if not stopped:
            _note_finished(run, flags, state.step)
    bad_records.say()
    values = (
        state.step, state.loss, rate, path, resumed_from, parameters, checkpoints.weights_digest(model),
        round(profiling.peak_memory_mb()), stopped, len(bad_records),
    )  # fmt: skip
    return dict(zip(_RESULTS, values, strict=True))


def _check(run):
    """What can be known to be wrong before anything is written: the first shard, the share that is held out of files
    that are not far, the checkpoint, the model's name."""
    kind = "rated_segments" if run.phase.segment_labels else "videos"
    share = run.phase.holdout_fraction
    Source(run.train_data_pattern, "train_data_pattern", run.data, kind, share).open([0])
    if share and not data_files.is_remote(run.train_data_pattern):
        _check_held_out(Source(run.train_data_pattern, "train_data_pattern", run.data, kind, share, True), share)
    if run.phase.init_checkpoint:
        checkpoints.candidates(run.phase.init_checkpoint, "init_checkpoint")
    registry.find(run.model.model)


def _check_held_out(source, share):
    """Raises UserError where the videos that are held out cannot be scored."""
    found, counting = 0, source.data.segment_classes
    for number in range(len(source.paths)):
        items = source.one(number)[1]
        if source.kind == "rated_segments":
            positive = items.classes[items.scores > 0]
            found += len(positive) if counting is None else int(np.isin(positive, counting).sum())
        else:
            found += len(items)
        if found:
            return
    what = "video" if source.kind == "videos" else "segment rated positive"
    raise UserError(f"--holdout_fraction={share}: no {what} is in the share held out, so nothing can be scored; give a "
                    "larger share, or 0 to hold nothing out")  # fmt: skip


def _with_segment_classes(run):
    """Says what phase 2 has to learn from; where no list of segment classes was named, takes those that are rated.

    Remote files are counted only where the classes are wanted, since that reads them all.
    """
    known = run.data.segment_classes is not None
    if not run.phase.segment_labels or (known and data_files.is_remote(run.train_data_pattern)):
        return run
    found = pipeline.summarise(run.train_data_pattern, run.data, segment_labels=True)
    progress.say(
        f"{found.videos:,} videos, {found.segments:,} rated segments, {found.rated_pairs:,} rated pairs; "
        f"{found.skipped_segments:,} more segments start beyond their video's last frame and are skipped"
    )
    if known:
        return run
    return dataclasses.replace(run, data=dataclasses.replace(run.data, segment_classes=found.rated_classes))


def _seed(run):
    keras.utils.set_random_seed(run.seed)
    if run.deterministic:
        tf.config.experimental.enable_op_determinism()


def _restore(run, variables):
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
        _check_same_model(run)
    newest = checkpoints.load_newest(run.train_dir)
    if newest:
        path, arrays, meta = newest
        checkpoints.assign(variables, arrays, path)
        progress.say(f"going on from {path}")
        return State.from_meta(meta), path
    if run.phase.init_checkpoint:
        return _start_from(run, variables), None
    return State(), None


def _check_same_model(run):
    differences = run_file.differences(run_file.read(run.train_dir).model, run.model)
    if differences:
        raise UserError(f"--train_dir={run.train_dir} holds another model ({'; '.join(differences)}); name another "
                        "directory, or give --start_new_model")  # fmt: skip


def _start_from(run, variables):
    path, arrays, meta = checkpoints.find(run.phase.init_checkpoint, "init_checkpoint")
    wanted = {name: v for name, v in variables.items() if not run.phase.reset_optimizer or name.startswith("model/")}
    with run_file.filling(path, run.model, "init_checkpoint"):
        checkpoints.assign(wanted, arrays, path)
    progress.say(f"starting from {path}")
    step = 0 if run.phase.reset_optimizer else meta["step"]
    return State(step=step, first_step=step)


def _note_finished(run, flags, step):
    """For whoever finds the last checkpoint damaged; all that was trained is kept already, so no failure is one."""
    try:
        run_file.write(run, flags, yt8m_attention.__version__, step)
    except UserError as error:
        progress.say(f"finished, and not noted there: {error}")


def _put_aside(train_dir):
    """Moves a former run's files into `replaced-N`, so that starting anew loses nothing."""
    there = set(os.listdir(train_dir)) - {directory_lock.NAME}
    former = {name for name in there if name.startswith("replaced-")}
    names = sorted(there - former)
    if not names:
        return
    aside = os.path.join(train_dir, f"replaced-{1 + len(former)}")
    try:
        os.mkdir(aside)
        for name in names:
            os.rename(os.path.join(train_dir, name), os.path.join(aside, name))
    except OSError as error:
        what = f"cannot be moved into {aside}: {error.strerror}; move it, or name another --train_dir"
        raise UserError(f"--start_new_model: what is in {train_dir} {what}") from error
    progress.say(f"--start_new_model: what was in {train_dir} is now in {aside}")


def _run(run, flags, model, adam, variables, state, strategy, batches, lock, stop):
    summaries = Summaries(run.train_dir)
    summaries.flags(state.step, flags)
    weights = class_weights(run.model.num_classes, run.data.segment_classes, run.phase.segment_class_weight)
    compile_step = run.jit_compile == "on" or (
        run.jit_compile == "auto" and bool(tf.config.list_logical_devices("GPU"))
    )
    step = make_step(model, adam, run.phase, weights, strategy, compile_step)
    profiled = profiling.Profiled(step, run.train_dir, run.profile_steps)
    loop = Loop(
        run,
        profiled,
        variables,
        state,
        learning_rate=lambda: float(keras.ops.convert_to_numpy(adam.learning_rate)),
        summaries=summaries,
        lock=lock,
        stop=stop,
        evaluate=_held_out(run, model, weights, stop) if run.phase.holdout_fraction else None,
    )
    try:
        with pipeline.user_errors():
            return loop(batches)
    finally:
        profiled.close()
        summaries.close()


def _held_out(run, model, weights, stop):
    """A function that scores the model as it is on the videos that the phase never trains on, or raises Stopped."""
    examples = evaluator.Examples(run.train_data_pattern, run.data, run.phase.holdout_fraction)
    score = scoring.Scorer(model)  # not folded: it has to see the weights as they change
    metric = "segment_map" if run.phase.segment_labels else "gap"

    def score_or_stop(batch):
        stop.raise_if_made()
        return score(batch)

    def evaluate():
        result = evaluator.evaluate(score_or_stop, examples, weights, run.phase.segment_labels)
        return metric, {name: value for name, value in result.items() if isinstance(value, float)}

    return evaluate
