"""Measures the feed of training, a plain tf.data reader, and reading all bytes of the same files (the limit).

`python -m benchmarks.feed [--quick] [--data=PATTERN]`. Rates are videos per second over some epochs, from a new
iterator (tf.data builds its graph in 0.05 s) to its end: 120 random frames, mask, labels, batches of 128. Without
--data, the benchmark makes videos of real length first. `processor_us` is the processor time per video, which depends
less on other work on the machine than the rates. `memory_mb` is the memory of the reading process without mapped files,
with 10 shards and with 100 shards of the same size. `index` measures an index with as many records as YouTube-8M's
training split: its size on disk, and the time and memory of a new process to load it, up to the first order of
training.
"""

import glob
import os
import shutil
import tempfile
import time

import numpy as np
import tensorflow as tf

from benchmarks import harness
from yt8m_attention.config import Data, Features, Phase
from yt8m_attention.data import pipeline, shuffling
from yt8m_attention.data.formats import index_file, tfrecord
from yt8m_attention.data.formats.index import index_key
from yt8m_attention.data.shard_dataset import ShardDataset
from yt8m_attention.runtime import memory
from yt8m_attention.synthesis import dataset
from yt8m_attention.synthesis.config import SynthesisConfig

BATCH, FRAMES, TRIM, CLASSES = 128, 120, 15, 3862
EPOCHS = 4  # per turn
MANY_SHARDS = (10, 100)
SHARDS, PER_SHARD, VIDEO_BYTES = 3844, 1012, 393_000  # YouTube-8M's training split


def ours(pattern):
    return pipeline.training_batches(pattern, Data(), Phase(batch_size=BATCH, num_epochs=EPOCHS), seed=0)


def drained(batches):
    """Reads all batches; returns videos per second."""
    start, count = time.perf_counter(), 0
    for batch in batches:
        count += batch["mask"].shape[0]
    return count / (time.perf_counter() - start)


def plain(paths):
    """Builds a reader like the tf.data guide: parse, decode, sample, batch; parallel, with a shuffle buffer."""
    records = tf.data.Dataset.from_tensor_slices(paths).interleave(
        tf.data.TFRecordDataset, cycle_length=4, num_parallel_calls=tf.data.AUTOTUNE
    )
    examples = records.repeat(EPOCHS).shuffle(256).map(_parse, num_parallel_calls=tf.data.AUTOTUNE)
    return examples.batch(BATCH).prefetch(2)


def _parse(record):
    context, lists = tf.io.parse_single_sequence_example(
        record,
        context_features={"labels": tf.io.VarLenFeature(tf.int64)},
        sequence_features={name: tf.io.FixedLenSequenceFeature([], tf.string) for name in ("rgb", "audio")},
    )
    length = tf.shape(lists["rgb"])[0]
    trim = tf.where(length > 2 * TRIM, TRIM, 0)
    frames = tf.random.uniform([FRAMES], trim, length - trim, tf.int32)
    streams = [tf.io.decode_raw(tf.gather(lists[name], frames), tf.uint8) for name in ("rgb", "audio")]
    labels = tf.tensor_scatter_nd_max(
        tf.zeros([CLASSES], tf.uint8),
        context["labels"].values[:, None],
        tf.ones_like(context["labels"].values, tf.uint8),
    )
    return {"frames": tf.concat(streams, 1), "mask": tf.fill([FRAMES], True), "labels": labels}


def raw(paths, videos):
    buffer, start = bytearray(1 << 20), time.perf_counter()
    for path in paths * EPOCHS:
        with open(path, "rb", buffering=0) as file:
            while file.readinto(buffer):
                pass
    return videos * EPOCHS / (time.perf_counter() - start)


def processor_time(sides, videos):
    """Returns microseconds of processor time per video, over all threads; other processes hardly change it."""
    spent = {}
    for name, side in sides.items():
        start = time.process_time()
        side()
        spent[name] = round((time.process_time() - start) / (videos * EPOCHS) * 1e6, 1)
    return spent


def held_after(paths, shards, folder):
    """Returns MB that a new process holds after its epochs over `shards` links to the files."""
    directory = os.path.join(folder, f"shards{shards}")
    os.mkdir(directory)
    for number in range(shards):
        os.symlink(os.path.abspath(paths[number % len(paths)]), os.path.join(directory, f"{number:04}.tfrecord"))
    return harness.alone(_own_memory, os.path.join(directory, "*"))


def _own_memory(pattern):
    drained(ours(pattern))
    return own_megabytes()


def own_megabytes():
    """Returns the memory of this process in MB, without mapped files."""
    return round(memory.status_mb("RssAnon"))


def index(shards, folder):
    """Measures the size and load time of an index of `shards` empty shards with the sizes of YouTube-8M."""
    directory = os.path.join(folder, "index")
    os.mkdir(directory)
    spans = np.arange(PER_SHARD + 1, dtype=np.int64) * VIDEO_BYTES
    splits = np.arange(PER_SHARD + 1, dtype=np.int32)
    arrays = {
        "spans": np.stack([spans[:-1] + 12, spans[1:] - 4], 1),
        "ids": np.array([f"{n:04}" for n in range(PER_SHARD)], np.bytes_),
        "num_frames": np.full(PER_SHARD, 228, np.int32),
        "video_level": np.zeros(PER_SHARD, bool),
        "streams": np.array([[[99, 9, 1033, 228], [235999, 9, 137, 228]]] * PER_SHARD, np.int32),
        "labels": np.arange(3 * PER_SHARD, dtype=np.int32) % CLASSES,
        "label_splits": splits * 3,
        **dict.fromkeys(("segment_labels", "segment_starts", "segment_ends"), np.zeros(0, np.int32)),
        "segment_scores": np.zeros(0, np.float32),
        "segment_splits": splits * 0,
    }
    features, megabytes = Features(), 0
    for number in range(shards):
        path = os.path.join(directory, f"{number:04}.tfrecord")
        with open(path, "wb") as file:
            file.truncate(PER_SHARD * VIDEO_BYTES)
        place = index_file.place(path, None)
        index_file.write(place, index_key(tfrecord.stamp(path), features), arrays)
        megabytes += os.path.getsize(place) / 1e6
    found = harness.alone(_load, os.path.join(directory, "*"))
    shutil.rmtree(directory)
    return {"records": shards * PER_SHARD, "megabytes": round(megabytes), **found}


def _load(pattern):
    before, start, spent = own_megabytes(), time.perf_counter(), time.process_time()
    source = ShardDataset(pattern, "data", Data(), "videos")
    opened = source.open(range(len(source.paths)))
    shuffling.item_order(len(opened), 0, 0, 0)
    seconds, processor = time.perf_counter() - start, time.process_time() - spent
    return {"load_s": round(seconds, 1), "processor_s": round(processor, 1), "memory_mb": own_megabytes() - before}


def main():
    arguments = harness.parse(__doc__, data="glob of frame-level files; absent: makes videos in a temporary folder")
    with tempfile.TemporaryDirectory() as folder:
        pattern = arguments.data or harness.alone(made, folder, 256 if arguments.quick else 2048)
        paths = sorted(glob.glob(pattern))
        videos = pipeline.summarise(pattern, Data()).videos
        batches = ours(pattern)
        sides = {
            "ours": lambda: drained(batches),
            "reference": lambda: drained(plain(paths)),
            "limit": lambda: raw(paths, videos),
        }
        rates, peak = harness.interleave(sides, arguments.rounds)
        spent = processor_time(sides, videos)
        held = {shards: held_after(paths, shards, folder) for shards in MANY_SHARDS}
        megabytes = round(sum(map(os.path.getsize, paths)) / 1e6)
        whole = index(SHARDS // 20 if arguments.quick else SHARDS, folder)
    sizes = {"videos": videos, "shards": len(paths), "megabytes": megabytes, "processor_us": spent, "memory_mb": held,
             "index": whole}  # fmt: skip
    harness.report("feed", "videos/s", rates, peak, **sizes)


def made(folder, videos):
    """Makes files with `videos` videos of 229 frames on average, as in YouTube-8M; returns their pattern."""
    recipe = SynthesisConfig(videos, 0, 0, CLASSES, 1000, Features(), (158, 300), per_shard=64)
    dataset.make(recipe, os.path.join(folder, "made"))
    return os.path.join(folder, "made", "train", "*.tfrecord")


if __name__ == "__main__":
    main()
