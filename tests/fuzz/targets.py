"""All readers of files as functions of bytes. A reader accepts the bytes, or refuses them in one line naming the file.

A target gets the bytes as a new file of its format. Any exception other than a UserError with one line is a fault. Its
seeds are valid files, which the fuzzer damages.
"""

import functools
import io
import itertools
import json
import os
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from yt8m_attention import config
from yt8m_attention.config import Data, Features, Model, Phase, Run, Sampling
from yt8m_attention.data import batch, shard_dataset, shard_items, user_features
from yt8m_attention.data.formats import index, index_file, label_ids, tfrecord, vocabulary, writer
from yt8m_attention.ensembling import ensemble, scores_file
from yt8m_attention.errors import UserError
from yt8m_attention.evaluation import submission_score
from yt8m_attention.inference import partial_rankings, rank, submission
from yt8m_attention.inference.ranking import TopSegments
from yt8m_attention.inference.segment_names import Names
from yt8m_attention.runs import checkpoints, held_out_scores, run_file

FEATURES = Features(("rgb", "audio"), (3, 2))
DATA = Data(
    FEATURES, 12, Sampling("all", trim_frames=0, max_frames=9), segment_window=(0, 0), index_dir="none", verify_crc=True
)
FRAMES = np.arange(35, dtype=np.uint8).reshape(7, 5)
_numbers = itertools.count()


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
      read: function of (bytes, directory); it can write the bytes to a file in the directory.
      seeds: valid files, as bytes.
    """

    read: object
    seeds: tuple


def check(target, raw, directory):
    """Runs a target on bytes; returns whether it accepted them.

    Raises:
      AssertionError: if it refuses them in more than one line, or without the file name.
    """
    try:
        target.read(raw, str(directory))
    except UserError as error:
        assert "\n" not in str(error) and str(directory) in str(error), repr(str(error))
        return False
    finally:
        for cache in (index._index, tfrecord.mapped):
            cache.cache_clear()
    return True


def _file(directory, suffix, raw):
    """Writes a file with a path that is in no cache."""
    path = os.path.join(directory, f"{next(_numbers) % 50}{suffix}")
    with open(path, "wb") as file:
        file.write(raw)
    return path


def _framed(record):
    length = struct.pack("<Q", len(record))
    sums = (struct.pack("<I", tfrecord.masked_crc32c(part)) for part in (length, record))
    return length + next(sums) + record + next(sums)


def _read_shard(raw, directory):
    """Reads all items of a shard: whole videos, rated segments, windows, and their frames."""
    path = _file(directory, ".tfrecord", raw)
    for kind in shard_items.KINDS:
        source = shard_dataset.ShardDataset(path, "train_data_pattern", DATA, kind)
        group = source.open([0])
        rows = batch.Batch(source, len(group), False, batch.Buffers())
        rows.add(group, np.arange(len(group)))
        _check_rows(rows.arrays())
        if source.video_level:  # which has no segments
            return


def _check_rows(arrays):
    assert np.isin(arrays["labels"], (0, 1)).all() and np.isfinite(arrays["frames"]).all()
    assert not arrays["frames"][~arrays["mask"]].any()  # padding


def _read_record(raw, directory):
    """The same with a valid checksum, so that the reader parses the record."""
    _read_shard(_framed(raw), directory)


def _read_index(raw, directory):
    """Reads an index with a valid checksum: the reader rejects it, or returns the requested arrays."""
    head, _, body = raw.partition(b"\n")
    try:
        head = json.dumps(json.loads(head) | {"checksum": zlib.crc32(body)}).encode()
    except (ValueError, TypeError, RecursionError):
        pass
    found = index_file.read(_file(directory, ".index", head + b"\n" + body), ["key"], ("a", "b"))
    assert found is None or tuple(found) == ("a", "b")


def _read_checkpoint(raw, directory):
    arrays, meta = checkpoints.load(_file(directory, ".npz", raw))
    assert isinstance(meta, dict) and all(isinstance(value, np.ndarray) for value in arrays.values())


def _read_run(raw, directory):
    with open(os.path.join(directory, "run.json"), "wb") as file:
        file.write(raw)
    run_file.read(directory)


def _read_scores(raw, directory):
    with open(os.path.join(directory, "scores.json"), "wb") as file:
        file.write(raw)
    held_out_scores.read(directory)


def _read_submission(raw, directory):
    rows = list(submission.read(_file(directory, ".csv", raw), 3))
    ratings = submission_score.Ratings(np.array([b"a"]), np.array([0]), np.array([3]), np.array([1.0]))
    assert 0 <= submission_score.score(rows, ratings, 3)["map"] <= 1


def _read_label_cache(raw, directory):
    ratings = submission_score.load_ratings(_file(directory, ".npz", raw), [])
    result = submission_score.score([submission.Row(1, Names.of([b"a:0"]), 0)], ratings, 3) if ratings else None
    assert result is None or result["classes"] == 0 or 0 <= result["map"] <= 1


def _read_scores_file(raw, directory):
    path, ranked = _file(directory, ".npz", raw), os.path.join(directory, "ranked.csv")
    job = rank.RankingJob("", DATA, ranked)
    ensemble.rank_files(ensemble.Inputs((path, path), (False, False)), job, 3)
    assert len(list(submission.read(ranked))) == len(scores_file.load(path).classes)


def _merge_part(raw, directory):
    merged = os.path.join(directory, "merged.csv")
    partial_rankings.merge(_file(directory, ".npz", raw), merged)
    assert list(submission.read(merged))


def _read_features(suffix, raw, directory):
    for video in user_features.videos(_file(directory, suffix, raw), FEATURES):
        assert video.frames.dtype == np.uint8 and video.frames.shape[1] == 5


def _npz(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def _npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def _frame_record():
    pairs = [(0, 1, 1.0), (0, 2, 0.0), (5, 3, 1.0), (50, 3, 1.0)]
    return writer.frame_record("abcd", [4, 1], FRAMES, FEATURES, pairs)


def _media_record():
    message = tf.train.SequenceExample()
    for name, columns in (("RGB", slice(0, 3)), ("AUDIO", slice(3, 5))):
        for row in FRAMES[:3]:
            feature = message.feature_lists.feature_list[f"{name}/feature/floats"].feature.add()
            feature.float_list.value.extend(row[columns] / 20)
    message.context.feature["clip/data_path"].bytes_list.value.append(b"/home/me/a.mp4")
    return message.SerializeToString()


def _index_of(arrays):
    head = {
        "version": index_file._VERSION,
        "key": ["key"],
        "arrays": [[n, a.dtype.str, a.shape] for n, a in arrays.items()],
    }
    return json.dumps(head).encode() + b"\n" + b"".join(a.tobytes() for a in arrays.values())


def _run_json():
    run = Run("d", "p", Model(features=FEATURES, num_classes=12), DATA, Phase(max_steps=1))
    return json.dumps({"version": "1", "config": config.to_dict(run), "flags": {}}).encode()


def _targets():
    records = (
        _frame_record(),
        writer.frame_record("abcd", [], FRAMES[:0], FEATURES),
        writer.video_record("abcd", [4, 1], FRAMES, FEATURES),
    )
    meta = np.frombuffer(b'{"step": 3, "first_step": 0, "position": null, "loss": 1.0, "finished": true}', np.uint8)
    ratings = {
        "video_ids": np.array([b"a"]),
        "starts": np.array([0]),
        "classes": np.array([1]),
        "scores": np.array([1.0]),
        "origin": np.array([], str),
    }
    scored = {"ids": np.array([b"a"]), "starts": np.array([0]), "classes": np.array([1, 2]), "scores": np.ones((1, 2))}
    ranking = {
        "k": np.array(2),
        "sizes": np.array([1, 1]),
        "table": np.array([], np.int64),
        "keys": np.array([2**64 - 1, 2**64 - 2], np.uint64),  # for the ids 0 and 1
    }
    run = np.frombuffer(b'{"worker": [0, 1], "segment_max_pred": 2}', np.uint8)
    part = {"ids": np.array([b"a", b"b"]), "starts": np.array([0, 5]), "classes": np.array([3, 7]), "run": run}
    return {
        "shard": Target(_read_shard, (b"".join(map(_framed, records[:2])), _framed(records[2]))),
        "record": Target(_read_record, records),
        "index": Target(_read_index, (_index_of({"a": np.arange(3), "b": np.zeros((2, 2), np.float32)}),)),
        "checkpoint": Target(_read_checkpoint, (_npz(**{"model/a": np.ones(3, np.float32), "meta": meta}),)),
        "run_json": Target(_read_run, (_run_json(),)),
        "scores_json": Target(_read_scores, (b'{"metric": "gap", "scores": {"3": 0.5, "6": 0.25}}',)),
        "submission": Target(
            _read_submission, (b"Class,Segments\n3,a:0 b:5\n4,\n", b'\xef\xbb\xbfClass,Segments\r\n"3","a:0 b:5"\r\n')
        ),
        "features_npy": Target(functools.partial(_read_features, ".npy"), (_npy(FRAMES), _npy(FRAMES / 100))),
        "features_npz": Target(functools.partial(_read_features, ".npz"), (_npz(a=FRAMES, b=FRAMES[:1]),)),
        "features_records": Target(
            functools.partial(_read_features, ".pb"),
            (_media_record(), _framed(_media_record()), _framed(_frame_record())),
        ),
        "scores_file": Target(_read_scores_file, (_npz(**scored),)),
        "label_cache": Target(_read_label_cache, (_npz(**ratings),)),
        "ranking": Target(lambda raw, d: TopSegments.load(_file(d, ".npz", raw)).result(), (_npz(**ranking),)),
        "part": Target(_merge_part, (_npz(**ranking, **part),)),
        "vocabulary": Target(
            lambda raw, d: vocabulary.read(_file(d, ".csv", raw)).name(1), (b"Index,Name\n1,Game\n2,Car\n",)
        ),
        "segment_label_ids": Target(lambda raw, d: label_ids.read(_file(d, ".csv", raw)), (b"Index\n3\n7\n",)),
    }


TARGETS = _targets()
