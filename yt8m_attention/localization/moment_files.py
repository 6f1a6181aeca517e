"""Output formats for moments: a table, JSON, SubRip or WebVTT."""

import html
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from yt8m_attention.data.user_features import Video
from yt8m_attention.localization.moments import Moment

PER_VIDEO = ("srt", "vtt")  # a subtitle file belongs to one video
# An id of YouTube: 64 bits, six per character, so two bits of the last one are always 0. Few other ids match.
_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{10}[AEIMQUYcgkosw048]")


@dataclass(frozen=True)
class VideoMoments:
    """The moments found in one video. All times are in seconds.

    Attributes:
      id: the video's id.
      seconds: its length.
      moments: dicts of class, name, start, end, probability, and link if the id is one of YouTube; best first.
      begin: start of the clip in the whole video, if the features are of a clip.
    """

    id: str
    seconds: float
    moments: tuple[dict[str, Any], ...]
    begin: float = 0.0


def describe(
    video: Video, moments: Iterable[Moment], class_name: Callable[[int], str], frame_seconds: float
) -> VideoMoments:
    """Converts moments from frames to seconds, and adds class names and links.

    Args:
      video: the video.
      moments: its moments.
      class_name: function of a class id -> its name.
      frame_seconds: seconds from one frame to the next.
    """
    described = tuple(
        {
            "class": m.class_id,
            "name": class_name(m.class_id),
            "start": round(m.start * frame_seconds, 3),
            "end": round(m.end * frame_seconds, 3),
            "probability": round(m.probability, 6),
        }
        | _link(video.id, video.begin + m.start * frame_seconds)
        for m in moments
    )
    return VideoMoments(video.id, round(len(video.frames) * frame_seconds, 3), described, round(video.begin, 3))


def _link(video_id, second):
    """Returns {"link": address of the video on YouTube at this second}, or {} if the id is not one of YouTube."""
    if not _YOUTUBE_ID.fullmatch(video_id):
        return {}
    return {"link": f"https://www.youtube.com/watch?v={video_id}&t={int(second)}s"}


def text(videos: Sequence[VideoMoments], file_format: str) -> str:
    """Returns the moments of videos as the text of a file.

    Args:
      videos: the videos; exactly one for "srt" and "vtt".
      file_format: "table", "json", "srt" or "vtt".
    """
    return {"table": _table, "json": _json, "srt": _subrip, "vtt": _webvtt}[file_format](videos)


def _table(videos):
    rows = [("video", "class", "start", "end", "probability", "name")]
    for video in videos:
        for m in video.moments:
            cells = (m["class"], clock(m["start"], 1), clock(m["end"], 1), f"{m['probability']:.3f}", m["name"])
            rows.append(tuple(_one_line(str(cell)) for cell in (video.id, *cells)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows)


def _json(videos):
    found = [
        {"id": video.id, "begin": video.begin, "seconds": video.seconds, "moments": list(video.moments)}
        for video in videos
    ]
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _subrip(videos):
    cues = [
        f"{number}\n{_stamp(m['start'], ',')} --> {_stamp(m['end'], ',')}\n{_caption(m)}\n"
        for number, m in enumerate(_in_time(videos), start=1)
    ]
    return "\n".join(cues)


def _webvtt(videos):
    cues = [
        f"{_stamp(m['start'], '.')} --> {_stamp(m['end'], '.')}\n{html.escape(_caption(m), quote=False)}\n"
        for m in _in_time(videos)
    ]
    return "\n".join(["WEBVTT\n", *cues])


def _in_time(videos):
    (video,) = videos
    return sorted(video.moments, key=lambda m: (m["start"], m["end"], m["class"]))


def _caption(moment):
    # An arrow would end the text of the cue.
    return f"{_one_line(moment['name']).replace('-->', '→')} ({moment['probability']:.0%})"


def _stamp(seconds, point):
    """Formats seconds like 00:01:02,500."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"


def clock(seconds: float, digits: int = 0) -> str:
    """Formats seconds like 1:02.5, with `digits` decimals."""
    tens = 10**digits
    units = round(seconds * tens)
    minutes, rest = divmod(units, 60 * tens)
    return f"{minutes}:{rest // tens:02d}" + (f".{rest % tens:0{digits}d}" if digits else "")


def _one_line(name):
    return " ".join(name.split())


def file_name(video_id: str) -> str:
    """Returns an id as part of a file name: valid on every file system, and unable to leave the directory."""
    return re.sub(r"[^\w-]", "_", video_id)
