"""From a trained model and features to the best moments of each video, written down."""

from collections import Counter
from dataclasses import dataclass

from yt8m_attention import files, progress
from yt8m_attention.config import Data
from yt8m_attention.data import own_features
from yt8m_attention.data.bad_records import BadRecords
from yt8m_attention.errors import UserError
from yt8m_attention.inference import moment_files, timeline

_PLACE = "{id}"


@dataclass(frozen=True)
class Job:
    """What is looked for, and where the answer goes.

    Attributes:
      pattern: files of features, see data/own_features.py.
      data: the network's; moments are of its `segment_classes`, of any class where it has none.
      top: moments of a video, at most.
      form: "table", "json", "srt" or "vtt".
      output_file: None: standard output. `{id}` in it stands for the video's id: a file each.
      frame_seconds: how far apart frames are.
    """

    pattern: str
    data: Data
    top: int
    form: str
    output_file: str | None = None
    frame_seconds: float = 1.0


def run(model, job: Job, class_name):
    """Finds and writes moments.

    Args:
      model: follows the model contract.
      class_name: function of a class id -> its name.

    Returns:
      dict of `videos`, `moments`, `output_file`.

    Raises:
      UserError: where there is no video, or a file cannot be read or written.
    """
    found, shown = [], progress.Progress("videos")
    score = timeline.VideoScorer(model, job.data.segment_size)
    bad_records = BadRecords(job.data.max_bad_records)
    for video in own_features.videos(job.pattern, job.data.features, bad_records=bad_records):
        best = timeline.best_moments(score.windows(video.frames), len(video.frames), job.data, job.top)
        found.append(moment_files.describe(video.id, len(video.frames), best, class_name, job.frame_seconds))
        shown.add(1, share=video.share)
    shown.close()
    bad_records.say()
    if not found:
        raise UserError(f"--input={job.pattern}: holds no video with frames; name other files")
    _write(job, found)
    return {
        "videos": len(found),
        "moments": sum(len(video.moments) for video in found),
        "output_file": job.output_file,
    }


def _write(job, videos):
    if job.form in moment_files.PER_VIDEO and len(videos) > 1 and _PLACE not in (job.output_file or ""):
        raise UserError(f"--format={job.form}: {len(videos)} videos need a file each; put {_PLACE} into --output_file, "
                        f"as in moments/{_PLACE}.{job.form}")  # fmt: skip
    if not job.output_file:
        print(moment_files.text(videos, job.form), end="")
    elif _PLACE in job.output_file:
        places = [job.output_file.replace(_PLACE, moment_files.file_name(video.id)) for video in videos]
        twice = [place for place, count in Counter(places).items() if count > 1]
        if twice:
            raise UserError(f"--output_file: {twice[0]} would be the file of several videos, whose ids are equal but "
                            "for signs that a file's name does not hold; give them other ids")  # fmt: skip
        for video, place in zip(videos, places, strict=True):
            _write_file(place, [video], job.form)
    else:
        _write_file(job.output_file, videos, job.form)


def _write_file(path, videos, form):
    with files.replacing(path, "w") as file:
        file.write(moment_files.text(videos, form))
