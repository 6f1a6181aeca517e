"""A made data set on disk: its files, and how it comes to be complete or absent.

{train,validate,test}/*.tfrecord        frame level; validate and test with rated segments
video/{train,validate,test}/*.tfrecord  the same videos at video level
segment_label_ids.csv                   the classes that segments are rated for
truth.csv                               every moment: split, id, class, start, end (seconds, end not included)
synthesize.json                         what it was made with; written last, so where it is, all is
"""

import os
import shutil
from dataclasses import asdict

import numpy as np

from yt8m_attention import files, progress
from yt8m_attention.data.formats import label_ids, writer
from yt8m_attention.data.storage.output_directory import OutputDirectory, begun_name
from yt8m_attention.synthesis.collage import Collage
from yt8m_attention.synthesis.config import SPLITS
from yt8m_attention.synthesis.planted import Planted
from yt8m_attention.synthesis.scenes import noisy_labels, rate

_COMMAND = "synthesize"
BEGUN = begun_name(_COMMAND)
ID_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def make(config, output_dir):
    """Writes the data set, unless it is there already; one that a former run left unfinished is made anew.

    Args:
      config: the SynthesisConfig.
      output_dir: a directory that is new, empty, or holds what this function wrote.

    Returns:
      {"videos", "rated_pairs", "output_dir"}.

    Raises:
      UserError: where output_dir holds anything else, or cannot be written to.
    """
    made = OutputDirectory(output_dir, _COMMAND, asdict(config))
    result = made.result()
    if result is None:
        composer = Collage(config) if config.sources else Planted(config)
        with made.alone():
            result = made.result() or _make(made, config, composer, output_dir)
    return result | {"output_dir": output_dir}


def _make(made, config, composer, output_dir):
    _begin(made, output_dir)
    videos, rated_pairs = _write_files(config, composer, output_dir)
    made.end(videos=videos, rated_pairs=rated_pairs)
    return {"videos": videos, "rated_pairs": rated_pairs}


def _begin(made, output_dir):
    """Marks the directory as ours, and clears what an unfinished run has left there."""
    made.begin()
    for name in (*SPLITS, "video"):
        with made.removing():
            shutil.rmtree(os.path.join(output_dir, name))


def _write_files(config, composer, output_dir):
    classes = sorted(composer.segment_classes)
    label_ids.write(os.path.join(output_dir, "segment_label_ids.csv"), classes)
    truth, rated_pairs, shown = [], 0, progress.Progress("videos", sum(config.counts.values()))
    for split, count in config.counts.items():
        for shard, first in enumerate(range(0, count, config.per_shard)):
            frame_records, video_records = [], []
            for index in range(first, min(count, first + config.per_shard)):
                records, moments, rated = _video(config, composer, split, index)
                frame_records.append(records[0])
                video_records.append(records[1])
                truth += moments
                rated_pairs += rated
                shown.add(1)
            name = os.path.join(split, f"{split}{shard:04d}.tfrecord")
            writer.write_shard(os.path.join(output_dir, name), frame_records)
            writer.write_shard(os.path.join(output_dir, "video", name), video_records)
    files.write_text(os.path.join(output_dir, "truth.csv"), _lines("split,id,class,start,end", *truth))
    shown.close()
    return shown.done, rated_pairs


def _video(config, composer, split, index):
    """One video's records (frame level, video level), its lines in truth.csv, and how many pairs are rated.

    Each video has a random stream of its own, so that it stays the same however many there are.
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


def video_id(seed, number):
    """Four letters or digits, as YouTube-8M's ids are; no two numbers below 62**4 share one."""
    many = len(ID_LETTERS)
    number = (number * 8_191_993 + seed * 1_299_709) % many**4  # shares no factor with 62: every id comes once
    return "".join(ID_LETTERS[number // many**place % many] for place in range(4))


def _lines(*lines):
    return "".join(f"{line}\n" for line in lines)
