"""Runs one phase of training, from a configuration to a result. The order of the set-up matters."""

import dataclasses
import logging
import os

import keras
import numpy as np
import tensorflow as tf

import yt8m_attention
from yt8m_attention import files
from yt8m_attention.config import Run
from yt8m_attention.data import pipeline
from yt8m_attention.data.formats import label_ids, vocabulary
from yt8m_attention.data.formats.bad_records import BadRecords
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.errors import UserError
from yt8m_attention.evaluation import evaluator
from yt8m_attention.inference import scoring
from yt8m_attention.losses.weighted_cross_entropy import class_weights
from yt8m_attention.models import registry
from yt8m_attention.runs import checkpoints, model_state, run_file
from yt8m_attention.runs.directory_lock import DirectoryLock
from yt8m_attention.runs.summaries import Summaries
from yt8m_attention.runtime import compilation, distribution, precision, profiling
from yt8m_attention.training import optimizer, preflight, restore_or_initialize, teachers
from yt8m_attention.training.loop import Loop
from yt8m_attention.training.step import make_step
from yt8m_attention.training.stopping import Stopped, StopRequest

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Result:
    """The result of a phase. Values that do not exist, because it was stopped before its first step, are None."""

    preempted: bool  # stopped by a signal before the phase was finished
    step: int | None = None  # global
    loss: float | None = None  # mean over the last logged steps
    examples_per_second: float | None = None
    checkpoint: str | None = None
    resumed_from: str | None = None  # the run's own checkpoint, if it was resumed
    parameters: int | None = None  # trainable
    weights_sha256: str | None = None
    peak_memory_mb: int | None = None  # of the GPU, or else of the process
    bad_records: int | None = None  # number of different records that were skipped


def train(run: Run, flags: dict) -> Result:
    """Trains a phase into `run.train_dir`. An earlier run of the phase is resumed.

    Args:
      run: the whole configuration.
      flags: the effective flags, saved in run.json for people.

    Returns:
      The Result.

    Raises:
      UserError: for unsuitable flags, files or checkpoints; if possible before anything is written.
    """
    with StopRequest() as stop:
        try:
            return _train(run, flags, stop)
        except Stopped:
            return Result(preempted=True)


def _train(run, flags, stop):
    preflight.check(run)
    names = vocabulary.read(run.vocabulary)
    run = _with_segment_classes(run)
    if run.data.segment_classes is None and run.phase.segment_class_weight != 1:
        weight = f"--segment_class_weight={run.phase.segment_class_weight:g}"
        logger.info(f"{weight} has no effect: without --segment_label_ids_file the rated classes are unknown")
    files.make_directory(run.train_dir, "train_dir")
    with DirectoryLock(run.train_dir) as lock:
        for directory in (run.train_dir, checkpoints.directory(run.train_dir)):
            files.remove_leftovers(directory)
        _seed(run)
        strategy = distribution.strategy(run.distribution, run.num_gpu)
        compiled = compilation.whole_step(run.jit_compile, strategy.num_replicas_in_sync)
        with strategy.scope(), precision.use(run.precision) as policy:
            model = registry.build(run.model)
            adam = optimizer.build(run.phase, loss_scaling=policy == "mixed_float16")
            adam.build(model.trainable_variables)
        variables = model_state.variables(model, adam)
        state, resumed_from = restore_or_initialize.restore_or_initialize(run, variables)
        bad_records = BadRecords(run.data.max_bad_records)
        batches = pipeline.training_batches(
            run.train_data_pattern,
            run.data,
            run.phase,
            run.seed,
            state.position,
            bad_records=bad_records,
            stopped=lambda: stop.made,
            device=distribution.only_gpu(strategy),
        )
        stop.wait()
        run_file.write(run, flags, yt8m_attention.__version__)
        vocabulary.keep(run.train_dir, names)
        if run.data.segment_classes:
            label_ids.write(os.path.join(run.train_dir, "segment_label_ids.csv"), run.data.segment_classes)
        parameters = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
        size = sum(int(np.prod(weight.shape)) * 4 for weight in model.weights)
        logger.info(f"{run.model.model}: {parameters:,} parameters, {size / 1e6:.1f} MB, {policy}")
        rate, path, stopped = _run(run, flags, model, adam, variables, state, strategy, compiled, batches, lock, stop)
        if not stopped:
            _note_finished(run, flags, state.step)
    bad_records.log()
    return Result(
        preempted=stopped,
        step=state.step,
        loss=state.loss,
        examples_per_second=rate,
        checkpoint=path,
        resumed_from=resumed_from,
        parameters=parameters,
        weights_sha256=model_state.digest(model),
        peak_memory_mb=round(profiling.peak_memory_mb()),
        bad_records=len(bad_records),
    )


def _with_segment_classes(run):
    """Logs the number of rated segments for phase 2. Without a list of segment classes, uses the rated classes.

    Remote files are counted only if the classes are needed, since counting reads all files.
    """
    known = run.data.segment_classes is not None
    if not run.phase.segment_labels or (known and file_patterns.is_remote(run.train_data_pattern)):
        return run
    found = pipeline.summarise(run.train_data_pattern, run.data, segment_labels=True)
    logger.info(
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
        compilation.sums_in_order()


def _note_finished(run, flags, step):
    """Notes in run.json that the run has finished, in case the last checkpoint gets damaged.

    An error is only logged, since all results are saved already.
    """
    try:
        run_file.write(run, flags, yt8m_attention.__version__, step)
    except UserError as error:
        logger.info(f"finished, but run.json does not record it: {error}")


def _run(run, flags, model, adam, variables, state, strategy, compiled, batches, lock, stop):
    summaries = Summaries(run.train_dir)
    summaries.flags(state.step, flags)
    weights = class_weights(run.model.num_classes, run.data.segment_classes, run.phase.segment_class_weight)
    with strategy.scope():  # after the network, so that its random initial weights do not depend on teachers
        teacher_fn = teachers.load(run.phase.teachers)
    step = make_step(model, adam, run.phase, weights, strategy, compiled, teacher_fn)
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
        return loop(batches)
    finally:
        profiled.close()
        summaries.close()


def _held_out(run, model, weights, stop):
    """Returns a function that scores the current model on the held-out videos, or raises Stopped."""
    examples = evaluator.Examples(run.train_data_pattern, run.data, run.phase.holdout_fraction)
    score = scoring.Scorer(model)  # not folded: a folded scorer would keep the current weights
    metric = "segment_map" if run.phase.segment_labels else "gap"

    def score_or_stop(batch):
        stop.raise_if_made()
        return score(batch)

    def evaluate():
        result = evaluator.evaluate(score_or_stop, examples, weights, run.phase.segment_labels)
        return metric, {name: value for name, value in result.items() if isinstance(value, float)}

    return evaluate
