"""How fast each network of a comparison trains and scores, with nothing beside it on the machine.

  python -m benchmarks.network_speed --data=audioset --work_dir=DIR [--models=NAME,...]

A comparison (benchmarks.quality) runs for hours beside other work, which its own rates tell more of than of the
networks. Here each is built as a finished run of that work directory has it, and its phase-1 training step and its
scorer are timed on one batch of the run's data, the batch lying in memory: the feed has no part. Medians over --rounds
are kept beside the runs and go into benchmarks.quality's table. The last line of standard output is JSON.
"""

import argparse
import datetime
import json
import statistics
import sys
from pathlib import Path

import keras
import tensorflow as tf

from benchmarks import harness, quality
from yt8m_attention import files
from yt8m_attention.data import pipeline
from yt8m_attention.inference import scoring
from yt8m_attention.losses.weighted_cross_entropy import class_weights
from yt8m_attention.models import registry
from yt8m_attention.training import compiling, optimizer, run_file
from yt8m_attention.training.step import make_step

SCORED = 256  # segments of a batch


def training(model, run, rounds):
    """Videos a second of the training step, batch by batch."""
    adam = optimizer.build(run.phase, loss_scaling=False)
    adam.build(model.trainable_variables)
    weights = class_weights(run.model.num_classes, run.data.segment_classes, run.phase.segment_class_weight)
    compiled = compiling.whole_step(run.jit_compile)
    step = make_step(model, adam, run.phase, weights, tf.distribute.get_strategy(), compiled)
    batch = next(iter(pipeline.training_batches(run.train_data_pattern, run.data, run.phase, run.seed)))
    return _rates(lambda: float(step(batch)["loss"]), run.phase.batch_size, rounds)


def scored(model, run, rounds):
    """Rated segments a second of the scorer, batch by batch."""
    score = scoring.make_scorer(model, run.data.segment_classes)
    batches = pipeline.evaluation_batches(run.train_data_pattern, run.data, SCORED, "rated_segments")
    batch = next(iter(batches))
    return _rates(lambda: score(batch), len(batch["frames"]), rounds)


def _rates(work, size, rounds):
    work()
    return [size / harness.seconds(work) for _ in range(rounds)]


def measure(run_dir, rounds):
    """{key of the table: rate} of the network that a run directory's phases hold."""
    first, second = (run_file.read(str(run_dir / name)) for name in ("phase1", "phase2"))
    keras.utils.clear_session(free_memory=True)
    model = registry.build(first.model)
    rates = training(model, first, rounds), scored(model, second, rounds)
    keys = "examples_per_second", "segments_per_second"
    return {key: round(statistics.median(found), 1) for key, found in zip(keys, rates, strict=True)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, choices=quality.DATA)
    parser.add_argument("--work_dir", required=True, type=Path, help="as benchmarks.quality was given it")
    parser.add_argument("--models", help="with commas between; all with a finished run where not given")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--results_file", type=Path, default=quality.ROOT / "benchmarks" / "RESULTS.md")
    arguments = parser.parse_args()
    folder = arguments.work_dir / arguments.data
    models = arguments.models.split(",") if arguments.models else list(quality.finished(folder))
    about, speeds = {"commit": harness.commit(), "hardware": harness.hardware()}, {}
    for model in models:
        finished = sorted((folder / model).glob("seed*.json"))
        if not finished:
            sys.exit(f"network_speed: --models: {model} has no finished run in {folder}")
        speeds[model] = measure(finished[0].with_suffix(""), arguments.rounds)
        print(f"{model}: {speeds[model]}", file=sys.stderr)
        kept = speeds[model] | about | {"date": datetime.date.today().isoformat()}
        files.write_json(str(folder / model / quality.SPEED), kept)
    quality.write_results(arguments.results_file, arguments.data, folder)
    print(json.dumps({"name": "network_speed", "data": arguments.data, "ours": speeds} | about), flush=True)


if __name__ == "__main__":
    main()
