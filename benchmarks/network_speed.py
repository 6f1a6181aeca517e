"""Measures the speed of training and scoring of each network of a comparison, without other work on the machine.

  python -m benchmarks.network_speed --data=audioset [--data_dir=DIR] [--models=NAME,...]

A comparison (benchmarks.quality) runs for hours beside other work, which affects its rates more than the networks do.
This benchmark builds each network that has a result from its flagfiles. It times the phase-1 training step in the
precision of the result, and the scorer in the precision of `inference`, on one batch in memory, without the feed. No
run needs to exist. The networks take turns and are built for each turn, so only one is in memory at a time. Median,
minimum and maximum of all turns are written beside the results (speed.json); the medians go into the table of
benchmarks.quality. The last line of standard output is JSON.
"""

import collections
import dataclasses
import datetime
import json
import sys
from pathlib import Path

import keras
import tensorflow as tf

from benchmarks import harness, quality, quality_table, run_settings
from yt8m_attention import files
from yt8m_attention.data import pipeline
from yt8m_attention.errors import UserError
from yt8m_attention.inference import scoring
from yt8m_attention.losses.weighted_cross_entropy import class_weights
from yt8m_attention.models import registry
from yt8m_attention.runtime import compilation, precision
from yt8m_attention.training import optimizer, teachers
from yt8m_attention.training.step import make_step

SCORED = 256  # segments per batch
CALLS = 3  # timed calls per turn


def training(run):
    """Returns videos per second of the training step, one rate per batch."""
    # On in a process that trains; a scorer switches it off.
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": True})
    with precision.use(run.precision) as policy:
        model = registry.build(run.model)
        adam = optimizer.build(run.phase, loss_scaling=policy == "mixed_float16")
        adam.build(model.trainable_variables)
    weights = class_weights(run.model.num_classes, run.data.segment_classes, run.phase.segment_class_weight)
    compiled = compilation.whole_step(run.jit_compile)
    teacher_fn = teachers.load(run.phase.teachers)
    step = make_step(model, adam, run.phase, weights, tf.distribute.get_strategy(), compiled, teacher_fn)
    batch = next(iter(pipeline.training_batches(run.train_data_pattern, run.data, run.phase, run.seed)))
    return _rates(lambda: float(step(batch)["loss"]), run.phase.batch_size)


def scored(run):
    """Returns rated segments per second of the scorer, one rate per batch."""
    score = scoring.make_scorer(registry.build(run.model), run.data.segment_classes, "auto")
    batches = pipeline.evaluation_batches(run.train_data_pattern, run.data, SCORED, "rated_segments")
    batch = next(iter(batches))
    return _rates(lambda: score(batch), len(batch["frames"]))


def _rates(work, size):
    work()
    return [size / harness.seconds(work) for _ in range(CALLS)]


def runs_of(data, settings, label_ids, results):
    """Maps {network: its finished results} to {network: config.Runs of phase 1 and phase 2}.

    Omits a variant without recorded flags.

    Args:
      settings: result of quality.patterns.
      label_ids: path of segment_label_ids.csv.
    """
    found = {}
    for name, (result, *_) in results.items():
        if name != result["model"] and "extra" not in result:
            continue
        given = (quality.FLOAT32, f"--segment_label_ids_file={label_ids}", *result.get("extra", ()))
        phases = run_settings.runs(data, [result["model"]], given)[result["model"]]
        found[name] = tuple(
            dataclasses.replace(phases[phase], train_data_pattern=settings[files_of])
            for phase, files_of in (("phase1", "TRAIN_DATA"), ("phase2", "SEGMENT_DATA"))
        )
    return found


def measure(first, second):
    """Runs one turn of a network, given its config.Runs of phase 1 and phase 2; returns {key of the table: rates}."""
    keras.utils.clear_session(free_memory=True)
    return {"examples_per_second": training(first), "segments_per_second": scored(second)}


def take_turns(phases, rounds):
    """Measures {network: its two config.Runs}; returns {network: {key: median rate, key_min, key_max}}."""
    found = {name: collections.defaultdict(list) for name in phases}
    for turn in range(rounds):
        for name, runs in phases.items():
            for key, rates in measure(*runs).items():
                found[name][key] += rates
            print(f"round {turn + 1}/{rounds} {name}", file=sys.stderr, flush=True)
    return {
        name: {k: v for key, rates in of.items() for k, v in harness.spread(key, rates).items()}
        for name, of in found.items()
    }


def main():
    parser = quality.parser(__doc__)
    quality.add_data_dir(parser)
    parser.add_argument("--models", help="comma-separated networks; absent: all with a finished run")
    parser.add_argument("--rounds", type=int, default=3, help=f"turns of each network, with {CALLS} timed steps each")
    parser.add_argument("--results_file", type=Path, default=quality.ROOT / "benchmarks" / "RESULTS.md")
    arguments = parser.parse_args()
    folder, data_dir = arguments.results_dir / arguments.data, quality.data_dir(arguments)
    results = quality_table.finished(folder)
    if arguments.models:
        missing = set(arguments.models.split(",")) - set(results)
        if missing:
            sys.exit(f"network_speed: --models: {', '.join(sorted(missing))}: no result in {folder}")
        results = {name: results[name] for name in arguments.models.split(",")}
    about = {"commit": harness.commit(), "hardware": harness.hardware()}
    try:
        settings = quality.patterns(data_dir, quick=False)
        phases = runs_of(arguments.data, settings, Path(data_dir, "segment_label_ids.csv").absolute(), results)
    except UserError as error:
        sys.exit(f"network_speed: {error}")
    speeds = take_turns(phases, arguments.rounds)
    for model, rates in speeds.items():
        kept = rates | about | {"date": datetime.date.today().isoformat()}
        files.write_json(str(folder / model / quality_table.SPEED), kept)
    quality_table.write_results(arguments.results_file, arguments.data, folder)
    print(json.dumps({"name": "network_speed", "data": arguments.data, "ours": speeds} | about), flush=True)


if __name__ == "__main__":
    main()
