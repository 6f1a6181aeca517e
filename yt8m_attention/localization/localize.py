"""Finds the best moments of each video with a trained model, and writes them."""

import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from yt8m_attention import files, progress
from yt8m_attention.config import Data
from yt8m_attention.data import user_features
from yt8m_attention.data.formats.bad_records import BadRecords
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.errors import UserError
from yt8m_attention.localization import moment_files, video_scorer

_ID = "{id}"  # placeholder for the video's id in --output_file


@dataclass(frozen=True)
class MomentsJob:
    """Input, options and output of a search for moments.

    Attributes:
      pattern: files with features, see data/user_features.py.
      data: data configuration of the network. Moments have a class of its `segment_classes`, or any class if it has
        none.
      top: maximum number of moments per video.
      file_format: "table", "json", "srt" or "vtt".
      output_file: path of the output. `{id}` in it is replaced by the video's id, which gives one file per video. None:
        standard output, for a table only.
    """

    pattern: str
    data: Data
    top: int
    file_format: str
    output_file: str | None = None


def run(model: keras.Model, job: MomentsJob, class_name: Callable[[int], str]) -> dict[str, Any]:
    """Finds and writes moments.

    Args:
      model: follows the model contract.
      job: what to search, and where to write.
      class_name: function of a class id -> its name.

    Returns:
      {"videos": number of videos, "moments": number of moments, "output_file": path or None}.

    Raises:
      UserError: if there is no video, or if a file cannot be read or written.
    """
    bad_records = BadRecords(job.data.max_bad_records)
    videos = _check_output_paths(job, user_features.videos(job.pattern, job.data.features, bad_records=bad_records))
    first = list(itertools.islice(videos, 2))  # two, to detect an error in --output_file before anything is scored
    if not first:
        raise UserError(f"--input={job.pattern}: holds no video with frames; name other files")
    _check_output(job)
    found, shown = [], progress.Progress("videos")
    score = video_scorer.VideoScorer(model, job.data.segment_size)
    for video in itertools.chain(first, videos):
        best = video_scorer.best_moments(score.windows(video.frames), len(video.frames), job.data, job.top)
        found.append(moment_files.describe(video, best, class_name, job.data.frame_seconds))
        shown.add(1, progress=video.progress)
    shown.close()
    bad_records.log()
    _write(job, found)
    return {
        "videos": len(found),
        "moments": sum(len(video.moments) for video in found),
        "output_file": job.output_file,
    }


def _output_path(job, video_id):
    return job.output_file and job.output_file.replace(_ID, moment_files.file_name(video_id))


def _check_output_paths(job, videos):
    """Yields the videos. Raises UserError if a video would be written to the file of an earlier one."""
    taken = set()
    for video in videos:
        path = _output_path(job, video.id)
        if path in taken and _ID in (job.output_file or ""):
            raise UserError(f"--output_file: {path} would be the file of several videos, whose ids differ only in "
                            "characters that a file name cannot hold; give them other ids")  # fmt: skip
        if path in taken and job.file_format in moment_files.PER_VIDEO:
            raise UserError(f"--format={job.file_format}: several videos need one file each; put {_ID} into "
                            f"--output_file, for example moments/{_ID}.{job.file_format}")  # fmt: skip
        taken.add(path)
        yield video


def _check_output(job):
    """Creates the directory of the output files. Raises UserError if --output_file cannot be a file."""
    if not job.output_file:
        return
    if file_patterns.is_remote(job.output_file):
        raise UserError(f"--output_file={job.output_file}: is not a local file; name one, and copy it afterwards")
    _make_directory_of(job.output_file.partition(_ID)[0])
    if os.path.isdir(job.output_file):
        raise UserError(f"--output_file={job.output_file}: is a directory; name a file in it")


def _make_directory_of(path):
    files.make_directory(os.path.dirname(path) or os.curdir, "output_file")


def _write(job, videos):
    if not job.output_file:
        print(moment_files.text(videos, job.file_format), end="")
        return
    by_path: dict[str, list] = {}
    for video in videos:
        by_path.setdefault(_output_path(job, video.id), []).append(video)
    for path, videos_of_file in by_path.items():
        _make_directory_of(path)  # it may contain the video's id
        with files.replacing(path, "w") as file:
            file.write(moment_files.text(videos_of_file, job.file_format))
