"""Writes a made data set, complete or not at all.

{train,validate,test}/*.tfrecord        frame level; validate and test with rated segments
video/{train,validate,test}/*.tfrecord  the same videos at video level
segment_label_ids.csv                   classes with rated segments
truth.csv                               every moment: split, id, class, start, end (seconds, end exclusive)
synthesize.json                         arguments; written last, so it exists only in a complete data set
"""

import os
import shutil
from dataclasses import asdict
from typing import Any

import numpy as np

from yt8m_attention import files, progress
from yt8m_attention.data.formats import label_ids, writer
from yt8m_attention.data.storage.output_directory import OutputDirectory, begun_name
from yt8m_attention.synthesis.collage import Collage
from yt8m_attention.synthesis.config import SPLITS, SynthesisConfig
from yt8m_attention.synthesis.planted import Planted
from yt8m_attention.synthesis.scenes import noisy_labels, rate

_COMMAND = "synthesize"
BEGUN = begun_name(_COMMAND)
ID_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def make(config: SynthesisConfig, output_dir: str) -> dict[str, Any]:
    """Writes the data set, unless it exists already. An unfinished one is written again from the start.

    Args:
      config: parameters of the data set.
      output_dir: a directory that is new, empty, or holds the output of this function.

    Returns:
      {"videos", "rated_pairs", "output_dir"}.

    Raises:
      UserError: when output_dir holds anything else, or cannot be written to.
    """
    directory = OutputDirectory(output_dir, _COMMAND, asdict(config))
    result = directory.result()
    if result is None:
        composer = Collage(config) if config.sources else Planted(config)
        with directory.alone():
            result = directory.result() or _make(directory, config, composer, output_dir)
    return result | {"output_dir": output_dir}


def _make(directory, config, composer, output_dir):
    _begin(directory, output_dir)
    videos, rated_pairs = _write_files(config, composer, output_dir)
    directory.end(videos=videos, rated_pairs=rated_pairs)
    return {"videos": videos, "rated_pairs": rated_pairs}


def _begin(directory, output_dir):
    """Marks the directory as unfinished and removes the files of an unfinished run."""
    directory.begin()
    for name in (*SPLITS, "video"):
        with directory.removing():
            shutil.rmtree(os.path.join(output_dir, name))


def _write_files(config, composer, output_dir):
    classes = sorted(composer.segment_classes)
    label_ids.write(os.path.join(output_dir, "segment_label_ids.csv"), classes)
    truth, rated_pairs, videos = [], 0, progress.Progress("videos", sum(config.counts.values()))
    for split, count in config.counts.items():
        for shard, first in enumerate(range(0, count, config.per_shard)):
            frame_records, video_records = [], []
            for index in range(first, min(count, first + config.per_shard)):
                records, moments, rated = _video(config, composer, split, index)
                frame_records.append(records[0])
                video_records.append(records[1])
                truth += moments
                rated_pairs += rated
                videos.add(1)
            name = os.path.join(split, f"{split}{shard:04d}.tfrecord")
            writer.write_shard(os.path.join(output_dir, name), frame_records)
            writer.write_shard(os.path.join(output_dir, "video", name), video_records)
    files.write_text(os.path.join(output_dir, "truth.csv"), _lines("split,id,class,start,end", *truth))
    videos.close()
    return videos.done, rated_pairs


def _video(config, composer, split, index):
    """Returns a video's records (frame level, video level), its lines of truth.csv and its number of rated pairs.

    Each video has its own random generator, so it does not depend on the number of videos.
    """
    rng = np.random.default_rng([config.seed, 1 + SPLITS.index(split), index])
    length = int(rng.integers(config.video_frames[0], config.video_frames[1] + 1))
    name = video_id(config.seed, len(SPLITS) * index + SPLITS.index(split))
    video = composer.compose(rng, split, name, length, config.segment_size)
    labels, pairs = video.classes, None
    if split == "train":
        labels = noisy_labels(rng, video.classes, composer.spurious(split))
    else:
        pairs = rate(rng, video, composer.segment_classes, config.segment_size)
    records = (
        writer.frame_record(name, labels, video.frames, config.features, pairs, config.segment_size),
        writer.video_record(name, labels, video.frames, config.features),
    )
    moments = [f"{split},{name},{c},{start},{end}" for c in sorted(video.classes) for start, end in video.windows(c)]
    return records, moments, len(pairs or ())


def video_id(seed: int, number: int) -> str:
    """Returns an id of four letters or digits, like YouTube-8M's ids; distinct for numbers below 62**4."""
    base = len(ID_LETTERS)
    number = (number * 8_191_993 + seed * 1_299_709) % base**4  # the factor is coprime to 62, so ids are distinct
    return "".join(ID_LETTERS[number // base**place % base] for place in range(4))


def _lines(*lines):
    return "".join(f"{line}\n" for line in lines)
