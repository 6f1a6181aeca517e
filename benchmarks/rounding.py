"""Measures the MAP over rated segments of a trained run in each export quantisation and scoring precision.

  python -m benchmarks.rounding --train_dir=runs/audioset/multi_attention_2/phase2 --data_pattern='DIR/test/*.tfrecord'

Each export (weights in float32, float16, int8) is loaded like a user loads it and scores all rated segments. The folded
scorer of `inference` does the same with products in float32 and in bfloat16. The last line of standard output is JSON:
`map` by kind, `megabytes` of the exports, and `largest_change`, the largest difference of a MAP to the float32 scorer.
"""

import argparse
import dataclasses
import json
import os
import tempfile

import numpy as np
import tensorflow as tf

from benchmarks import harness
from yt8m_attention.evaluation import evaluator
from yt8m_attention.export import saved_model
from yt8m_attention.export.weights import QUANTIZATIONS
from yt8m_attention.inference import scoring
from yt8m_attention.runs import restore

PRECISIONS = ("float32", "mixed_bfloat16")


def served(directory):
    """Loads a SavedModel as a function of batches for evaluator.evaluate."""
    serve = tf.saved_model.load(directory).signatures["serving_default"]

    def score(batch):
        return {name: value.numpy() for name, value in serve(frames=batch["frames"], mask=batch["mask"]).items()}

    return score


def measure(train_dir, pattern, index_dir=None):
    """Measures the best checkpoint of a run: ({kind: MAP}, {quantisation: bytes on disk})."""
    trained, sizes = restore.load(train_dir), {}
    run = trained.run
    examples = evaluator.Examples(pattern, dataclasses.replace(run.data, index_dir=index_dir))

    def segment_map(score):
        return evaluator.evaluate(score, examples, np.ones(run.model.num_classes), segments=True)["segment_map"]

    found = {kind: segment_map(scoring.make_scorer(trained.model, None, kind)) for kind in PRECISIONS}
    with tempfile.TemporaryDirectory() as folder:
        for quantize in QUANTIZATIONS:
            directory = os.path.join(folder, quantize)
            sizes[quantize] = saved_model.export(train_dir, directory, quantize=quantize)["bytes"]
            found[f"export_{quantize}"] = segment_map(served(directory))
    return found, sizes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train_dir", required=True, help="directory of a finished run")
    parser.add_argument("--data_pattern", required=True, help="files with rated segments")
    parser.add_argument("--index_dir", help="see the flag of the commands")
    arguments = parser.parse_args()
    found, sizes = measure(arguments.train_dir, arguments.data_pattern, arguments.index_dir)
    exact = found[PRECISIONS[0]]
    print(json.dumps({
        "name": "rounding",
        "unit": "MAP",
        "map": {kind: round(score, 5) for kind, score in found.items()},
        "megabytes": {kind: round(size / 1e6, 1) for kind, size in sizes.items()},
        "largest_change": round(max(abs(score - exact) for score in found.values()), 5),
        "commit": harness.commit(),
        "hardware": harness.hardware(),
    }), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
