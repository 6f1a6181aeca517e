"""From a trained model and features to the best moments of each video, written down."""

import itertools
import os
from dataclasses import dataclass

from yt8m_attention import files, progress
from yt8m_attention.config import Data
from yt8m_attention.data import user_features
from yt8m_attention.data.formats.bad_records import BadRecords
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.errors import UserError
from yt8m_attention.localization import moment_files, video_scorer

_PLACE = "{id}"


@dataclass(frozen=True)
class MomentsJob:
    """What is looked for, and where the answer goes.

    Attributes:
      pattern: files of features, see data/user_features.py.
      data: the network's; moments are of its `segment_classes`, of any class where it has none.
      top: moments of a video, at most.
      form: "table", "json", "srt" or "vtt".
      output_file: None: standard output, for a table. `{id}` in it stands for the video's id: a file each.
    """

    pattern: str
    data: Data
    top: int
    form: str
    output_file: str | None = None


def run(model, job: MomentsJob, class_name):
    """Finds and writes moments.

    Args:
      model: follows the model contract.
      class_name: function of a class id -> its name.

    Returns:
      dict of `videos`, `moments`, `output_file`.

    Raises:
      UserError: where there is no video, or a file cannot be read or written.
    """
    bad_records = BadRecords(job.data.max_bad_records)
    videos = _with_places(job, user_features.videos(job.pattern, job.data.features, bad_records=bad_records))
    first = list(itertools.islice(videos, 2))  # the second may be one too many, which is known before any is scored
    if not first:
        raise UserError(f"--input={job.pattern}: holds no video with frames; name other files")
    _check_output(job)
    found, shown = [], progress.Progress("videos")
    score = video_scorer.VideoScorer(model, job.data.segment_size)
    for video in itertools.chain(first, videos):
        best = video_scorer.best_moments(score.windows(video.frames), len(video.frames), job.data, job.top)
        found.append(moment_files.describe(video, best, class_name, job.data.frame_seconds))
        shown.add(1, share=video.progress)
    shown.close()
    bad_records.say()
    _write(job, found)
    return {
        "videos": len(found),
        "moments": sum(len(video.moments) for video in found),
        "output_file": job.output_file,
    }


def _place(job, video_id):
    return job.output_file and job.output_file.replace(_PLACE, moment_files.file_name(video_id))


def _with_places(job, videos):
    """Passes on videos, and refuses the first that would need the file of one before it."""
    taken = set()
    for video in videos:
        place = _place(job, video.id)
        if place in taken and _PLACE in (job.output_file or ""):
            raise UserError(f"--output_file: {place} would be the file of several videos, whose ids are equal but for "
                            "signs that a file's name does not hold; give them other ids")  # fmt: skip
        if place in taken and job.form in moment_files.PER_VIDEO:
            raise UserError(f"--format={job.form}: several videos need a file each; put {_PLACE} into --output_file, "
                            f"as in moments/{_PLACE}.{job.form}")  # fmt: skip
        taken.add(place)
        yield video


def _check_output(job):
    """Makes the directory of the files to come, and refuses what cannot be one."""
    if not job.output_file:
        return
    if file_patterns.is_remote(job.output_file):
        raise UserError(f"--output_file={job.output_file}: is no local file; name one, and copy it then")
    _make_directory_of(job.output_file.partition(_PLACE)[0])
    if os.path.isdir(job.output_file):
        raise UserError(f"--output_file={job.output_file}: is a directory; name a file in it")


def _make_directory_of(path):
    files.make_directory(os.path.dirname(path) or os.curdir, "output_file")


def _write(job, videos):
    if not job.output_file:
        print(moment_files.text(videos, job.form), end="")
        return
    of_places = {}
    for video in videos:
        of_places.setdefault(_place(job, video.id), []).append(video)
    for place, there in of_places.items():
        _make_directory_of(place)  # an id may be part of its name
        with files.replacing(place, "w") as file:
            file.write(moment_files.text(there, job.form))
