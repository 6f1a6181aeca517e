"""Measures the time of each part of a training step, as the sum of its operations in TensorFlow's profiler.

`python -m benchmarks.step_budget [--quick] [--rounds=5] [--precision=mixed_bfloat16]`. Values are milliseconds of one
processor core (one operation at a time on one thread) for 64 videos of 120 frames, by default in float32. The value of
an operation is its minimum over some steps. The last line of standard output is JSON: `parts`, each [matrix products,
other operations]. The lines above are the same as a table.
"""

import collections
import glob
import json
import os
import re
import tempfile

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from benchmarks import harness, networks, train_step
from yt8m_attention.runtime import precision

# The first pattern that matches the name of an operation gives its part.
PARTS = {
    "noise": "noise",
    "bytes to normalised frames": "dequantize|l2_norm",
    "attention": "/attention|pooling",
    "reduction": "_stream",
    "hidden layer and context gate": "hidden|context_gating",
    "mixture of experts and probability gate": "classifier",
    "update of the weights": "adam|Adam|global_norm",
}
OTHER = "input batch norm, loss, penalties, clipping"


def part_of(name):
    return next((part for part, pattern in PARTS.items() if re.search(pattern, name)), OTHER)


def operations(directory):
    """Reads {name of the operation: durations in ms} from a profile; a name ends in `:type`."""
    found = collections.defaultdict(list)
    for path in glob.glob(os.path.join(directory, "**", "*.xplane.pb"), recursive=True):
        space = xplane_pb2.XSpace()
        with open(path, "rb") as file:
            space.ParseFromString(file.read())
        for plane in space.planes:
            for line in plane.lines:
                for event in line.events:
                    found[plane.event_metadata[event.metadata_id].name].append(event.duration_ps / 1e9)
    return {name: times for name, times in found.items() if re.fullmatch(r"[^: ]*/[^: ]*:\w+", name)}


def budget(step, steps):
    """Returns {part: [ms of matrix products, ms of other operations]} of one call, from `steps` calls."""
    step()
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        for _ in range(steps):
            step()
        tf.profiler.experimental.stop()
        parts = collections.defaultdict(lambda: [0.0, 0.0])
        for name, times in operations(folder).items():
            product = "MatMul" in name.rsplit(":", 1)[1]
            parts[part_of(name)][0 if product else 1] += min(times) * len(times) / steps
    return dict(sorted(parts.items(), key=lambda item: -sum(item[1])))


def main():
    arguments = harness.parse(__doc__, precision="float32, mixed_bfloat16, ...; as --precision of train")
    policy = precision.choose(arguments.precision or "float32")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    model, size = networks.model_config(arguments.quick), 16 if arguments.quick else 64
    step = train_step.ours(model, policy, networks.batch(model, size, networks.BAG_FRAMES), size)
    parts = {part: [round(ms, 1) for ms in both] for part, both in budget(step, arguments.rounds).items()}
    total = [round(sum(column), 1) for column in zip(*parts.values(), strict=True)]
    print(f"| {'part':40} | products | all else |\n|---|---|---|")
    for part, (products, rest) in {**parts, "whole step": total}.items():
        print(f"| {part:40} | {products:8.0f} | {rest:8.0f} |")
    print(json.dumps({
        "name": "step_budget", "unit": "core-ms", "parts": parts, "total": total, "batch": size, "precision": policy,
        "commit": harness.commit(), "hardware": harness.hardware(),
    }), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
