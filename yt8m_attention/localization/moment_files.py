"""Moments as people and players read them: a table, JSON, SubRip or WebVTT."""

import html
import json
import re
from dataclasses import dataclass

PER_VIDEO = ("srt", "vtt")  # a subtitle file belongs to one video
# 64 bits, six a character: of the last one, two are always 0. Few names of other videos look so.
_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{10}[AEIMQUYcgkosw048]")


@dataclass(frozen=True)
class VideoMoments:
    """What was found in one video. Times are seconds."""

    id: str
    seconds: float  # its length
    moments: tuple  # of dicts: class, name, start, end, probability, link if there may be one; best first
    begin: float = 0.0  # where it lies in the video with that id, if it is a clip of one


def describe(video, moments, class_name, frame_seconds):
    """Moments in frames (moments.Moment) of an own_features.Video as VideoMoments in seconds."""
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
    """{"link": where YouTube plays the video from a second on}; {} for an id that is none of YouTube's."""
    if not _YOUTUBE_ID.fullmatch(video_id):
        return {}
    return {"link": f"https://www.youtube.com/watch?v={video_id}&t={int(second)}s"}


def text(videos, form):
    """A file of the moments of videos; `srt` and `vtt` take one video at a time.

    Args:
      videos: list of VideoMoments.
      form: "table", "json", "srt" or "vtt".
    """
    return {"table": _table, "json": _json, "srt": _subrip, "vtt": _webvtt}[form](videos)


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
    # An arrow would end the cue's text and begin another's times.
    return f"{_one_line(moment['name']).replace('-->', '→')} ({moment['probability']:.0%})"


def _stamp(seconds, point):
    """00:01:02,500"""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"


def clock(seconds, digits=0):
    """1:02.5"""
    tens = 10**digits
    units = round(seconds * tens)
    minutes, rest = divmod(units, 60 * tens)
    return f"{minutes}:{rest // tens:02d}" + (f".{rest % tens:0{digits}d}" if digits else "")


def _one_line(name):
    return " ".join(name.split())


def file_name(video_id):
    """An id as part of a file's name: what no file system objects to, and no way out of a directory."""
    return re.sub(r"[^\w-]", "_", video_id)
