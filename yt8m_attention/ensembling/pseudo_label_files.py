"""Writes shards with pseudo-labels from a ranking and its files, to train on together with rated shards."""

import contextlib
import glob
import logging
import os
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from yt8m_attention import config, progress
from yt8m_attention.data import holdout, pseudo_label_writer
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.data.storage.output_directory import OutputDirectory
from yt8m_attention.ensembling import pseudo_labels
from yt8m_attention.errors import UserError
from yt8m_attention.inference import submission

logger = logging.getLogger(__name__)

_FLAG = "input_data_pattern"
_LATEST = 10**9 - 1  # replaces a start with more digits; no video is that long


@dataclass(frozen=True)
class PseudoLabelJob:
    """Input, output and rule of the pseudo-labels.

    Attributes:
      submission_file: the ranking, see inference/submission.py.
      pattern: files with the ranked segments.
      data: config.Data for reading the files.
      output_dir: a directory that is new, empty, or written by this job before.
      rule: selects the segments that get a label.
      holdout_fraction: share of the videos that training holds out; they get no label.
    """

    submission_file: str
    pattern: str
    data: config.Data
    output_dir: str
    rule: pseudo_labels.Rule
    holdout_fraction: float = config.RATED_HOLDOUT


def write(job: PseudoLabelJob) -> dict[str, Any]:
    """Writes the shards, unless the same job has written them before.

    Returns:
      dict of the fields of pseudo_label_writer.Tally, `classes` (number of classes with labels), `short_classes`
      (number of classes without) and `output_dir`.

    Raises:
      UserError: if the ranking, the files or the directory cannot be used, or no segment gets a label. Partial output
        is removed.
    """
    _check_apart(job)
    made = OutputDirectory(job.output_dir, "pseudo_label", _arguments(job))
    result = made.result()
    if result is None:
        existed = os.path.isdir(job.output_dir)
        with made.alone():
            result = made.result() or _make(made, job, existed)
    return result | {"output_dir": job.output_dir}


def _make(made, job, existed):
    """Fills the directory; after a failure it is unchanged."""
    made.begin()
    _clear(made, job.output_dir)
    try:
        result = _write(job)
        made.end(**result)
        return result
    except BaseException:
        _clear(made, job.output_dir)
        made.unmark()
        if not existed:
            with contextlib.suppress(OSError):  # another process wrote there
                os.rmdir(job.output_dir)
        raise


def _check_apart(job):
    """Raises UserError if the output is among the input files of the next call."""
    own = os.path.realpath(job.output_dir)
    for path in file_patterns.expand(job.pattern, _FLAG):
        if not file_patterns.is_remote(path) and os.path.dirname(os.path.realpath(path)) == own:
            raise UserError(f"--output_dir={job.output_dir}: {path} of --{_FLAG} is in it; name a directory that the "
                            "pattern does not match")  # fmt: skip


def _arguments(job):
    data = job.data
    return {
        "submission": file_patterns.stamps([job.submission_file]),
        "input": file_patterns.stamps(file_patterns.expand(job.pattern, _FLAG)),
        "features": asdict(data.features),
        "num_classes": data.num_classes,
        "segment_size": data.segment_size,
        "max_bad_records": data.max_bad_records,
        "rule": asdict(job.rule),
        "holdout_fraction": job.holdout_fraction,
    }


def _clear(made, directory):
    """Removes complete and partial shards of an unfinished run."""
    for name in ("*.tfrecord", ".*.partial"):
        for path in glob.glob(os.path.join(glob.escape(directory), name)):
            with made.removing():
                os.remove(path)


def _write(job):
    labels, classes, short_classes = _chosen(job)
    tally = pseudo_label_writer.write(job.pattern, _FLAG, job.data, labels, job.output_dir)
    if not tally.segments:
        raise UserError(f"--{_FLAG}={job.pattern}: gives no segment of {job.submission_file} a label: {_lost(tally)}; "
                        "name the files that were ranked")  # fmt: skip
    logger.info(f"{tally.videos:,} videos got {tally.positives:,} positives and {tally.negatives:,} negatives of "
                f"{classes:,} classes; without a label: {_lost(tally)}")  # fmt: skip
    return asdict(tally) | {"classes": classes, "short_classes": short_classes}


def _lost(tally):
    return (f"{tally.unknown_segments:,} segments of videos that are not in the files, {tally.skipped_segments:,} that "
            f"begin after the last frame, {tally.already_rated:,} pairs with human ratings")  # fmt: skip


def _chosen(job):
    """Returns (Labels, number of classes with labels, number of classes that rank too few segments)."""
    videos, parts, short, classes = _TrainingVideos(job.holdout_fraction), [], [], 0
    shown = progress.Progress("classes of the ranking", brief=True)
    for row in submission.read(job.submission_file):
        if row.class_id >= job.data.num_classes:
            raise UserError(f"{job.submission_file}: has class {row.class_id}, wanted less than --num_classes="
                            f"{job.data.num_classes}; set --num_classes accordingly")  # fmt: skip
        numbers, usable = videos.of(row.segments.videos())
        chosen = pseudo_labels.choose(numbers, usable, job.rule)
        if [len(places) for places in chosen] == [job.rule.positives, job.rule.negatives]:
            parts += [_of_class(row, places, score) for places, score in zip(chosen, (1, 0), strict=True)]
            classes += 1
        else:
            short.append(row.class_id)
        shown.add(1)
    shown.close()
    _report_short(job, short, classes)
    return pseudo_label_writer.Labels(*map(np.concatenate, zip(*parts, strict=True))), classes, len(short)


def _report_short(job, short, classes):
    """Logs the classes without labels. In a short ranking, the positives would include segments that are unlikely."""
    if not short:
        return
    rule, wanted = job.rule, f"--positives={job.rule.positives} and --negatives={job.rule.negatives}"
    wanted += f" from --negatives_from={rule.negatives_from}" if rule.negatives_from else ""
    wanted += f" with --max_per_video={rule.max_per_video}" if rule.max_per_video else ""
    wanted += f" outside the held-out share (--holdout_fraction={job.holdout_fraction:g})"
    if not classes:
        raise UserError(f"{job.submission_file}: no class ranks enough segments for {wanted}; give smaller numbers")
    logger.info(f"{len(short):,} classes rank too few segments for {wanted} and get no label; the first is {short[0]}")


class _TrainingVideos:
    """Finds the segments of videos that training does not hold out. Checks each video once, not once per class."""

    def __init__(self, fraction):
        self._fraction, self._usable = fraction, {}

    def of(self, names):
        """Video names of R segments -> (int [R], a number per video; bool [R], whether training uses the video)."""
        keys, first, numbers = np.unique(names.keys, return_index=True, return_inverse=True)
        new = [place for place, key in enumerate(keys.tolist()) if key not in self._usable]
        usable = holdout.kept(names[first[new]].tolist(), self._fraction) if new else ()
        self._usable.update(zip(keys[new].tolist(), usable, strict=True))
        return numbers, np.array([self._usable[key] for key in keys.tolist()], bool)[numbers]


def _of_class(row, places, score):
    """Makes the labels of a class from places in its ranking."""
    parts = [name.split(b":") for name in row.segments[places].tolist()]
    starts = [_start(start) for _, start in parts]
    return pseudo_label_writer.Labels(
        np.array([video_id for video_id, _ in parts], object),  # a fixed-width type would drop trailing zero bytes
        np.array(starts, np.int64),
        np.full(len(parts), row.class_id),
        np.full(len(parts), score, np.uint8),
    )


def _start(digits):
    digits = digits.lstrip(b"0")
    return min(int(digits or 0), _LATEST) if len(digits) < 19 else _LATEST
