"""The challenge's CSV files: ranked segments of every class, and the best classes of every video.

Segments: header `Class,Segments`, then a row a class: its id, a comma, `video:start` separated by blanks, best first.
Videos: header `VideoId,LabelConfidencePairs`, then a row a video: its id, a comma, `class confidence` pairs, best
first. Source: the 3rd YouTube-8M challenge's rules, and the starter code's inference.
"""

import re
import typing

import numpy as np

from yt8m_attention import progress
from yt8m_attention.errors import UserError
from yt8m_attention.files import replacing
from yt8m_attention.inference.segment_names import Names

_VIDEO_ID = re.compile(r'[^\s,:"\x00-\x1f\x7f]+')
_FORMULA = re.compile(r"[=+@]|-(?![\w-]*$)", re.ASCII)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Spreadsheet programs cut a cell here.
_SPREADSHEET_CELL = 32_767


class Row(typing.NamedTuple):
    """One class of a submission."""

    class_id: int
    segments: Names  # best first
    cut: int  # how many more the file had, beyond the top_n that were asked for


def segment_names(video_ids, starts):
    """`video:start` of each segment, as bytes.

    Args:
      video_ids: str or bytes [N].
      starts: int [N], seconds (frames).

    Returns:
      An array of fixed-width bytes [N], no wider than the longest name.

    Raises:
      UserError: for a video id that a submission cannot hold.
    """
    ids = [v.decode() if isinstance(v, bytes) else str(v) for v in np.asarray(video_ids).tolist()]
    for video_id in set(ids):
        check_video_id(video_id)
    pairs = zip(ids, np.asarray(starts, np.int64).tolist(), strict=True)
    return np.array([f"{video_id}:{start}".encode() for video_id, start in pairs], bytes)


def check_video_id(video_id):
    """Makes sure that a submission can hold an id, text.

    What begins with one of =+@- is a formula to a spreadsheet. YouTube's ids may begin with -, and then have nothing
    but letters, digits, - and _ in them, which make no formula that does anything.

    Raises:
      UserError: where it cannot.
    """
    if _FORMULA.match(video_id):
        raise UserError(f"video id {video_id!r}: a spreadsheet would take it for a formula; give the video another id")
    if not _VIDEO_ID.fullmatch(video_id):
        raise UserError(f"video id {video_id!r}: a submission cannot hold an id that is empty or has a blank, comma, "
                        "colon, quote or control character; give the video another id")  # fmt: skip


def plain_text(text):
    """Any text as one line and a cell: what a spreadsheet would take for a formula gets a ' in front."""
    line = " ".join(text.split())
    return f"'{line}" if _FORMULA.match(line) else line


def write(path, class_ids, names, ranked):
    """Writes a submission, complete or absent.

    Args:
      path: the CSV.
      class_ids: int [C].
      names: bytes [N], see `segment_names`.
      ranked: C arrays of int64, the places in names of a class's segments, best first, as TopSegments ranks segments
        that are numbered as names are.

    Raises:
      UserError: where the file cannot be written.
    """
    # Every name is a row of bytes with a blank behind it and zeros to the full width: rows are taken as they are
    # ranked, and what is left without the zeros is the cell.
    width = names.dtype.itemsize
    table = np.zeros((len(names), width + 1), np.uint8)
    table[:, :width] = np.ascontiguousarray(names).view(np.uint8).reshape(len(names), width)
    table[np.arange(len(names)), np.char.str_len(names)] = ord(" ")
    with replacing(path) as file:
        file.write(b"Class,Segments\n")
        for class_id, places in zip(class_ids, ranked, strict=True):
            if len(places) and places.min() < 0:
                raise ValueError(f"class {class_id}: place {places.min()} among the names")
            cell = table.take(places, axis=0).tobytes().translate(None, b"\0")
            file.write(b"%d,%s\n" % (class_id, cell[:-1]))


def read(path, top_n=None):
    """Reads a submission of any system, row by row.

    Takes files with and without the header, with a byte order mark, either line end, blank lines, quoted cells and
    blanks in excess.

    Args:
      path: the CSV.
      top_n: entries of a class beyond these are checked, counted and dropped; None: all are kept.

    Yields:
      A Row for each class, in the file's order.

    Raises:
      UserError: naming file and line, for a file that cannot be read or holds no class, a row that is no class and
        segments, a class or a segment of a class that comes twice, and a cell that a spreadsheet has cut.
    """
    lines = {}  # of each class so far
    for number, line in _lines(path):
        head, comma, cell = line.partition(b",")
        head, cell = head.strip().strip(b'"'), cell.strip(b'"')
        if not lines and head.lower() == b"class":
            continue
        where = f"{path}, line {number}"
        if not comma or not re.fullmatch(rb"\d{1,18}", head):
            raise UserError(f"{where}: found {_shortened(line)}, wanted a class id, a comma and `video:start` ...")
        class_id = int(head)
        if class_id in lines:
            raise UserError(f"{where}: class {class_id} has had a row already, in line {lines[class_id]}; keep one")
        lines[class_id] = number
        segments = _segments(cell, f"{where}: class {class_id}")
        yield Row(class_id, segments[:top_n], len(segments) - len(segments[:top_n]))
    if not lines:
        raise UserError(f"{path}: holds no class; wanted rows of a class id, a comma and `video:start` ...")


def _lines(path):
    """(number, UTF-8 bytes) of each line that is not blank, white space between its entries being ASCII."""
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(_whole_lines(path, file), start=1):
                if number == 1:
                    line = line.removeprefix(_BYTE_ORDER_MARK)
                if not line.isascii():
                    line = " ".join(line.decode().split()).encode()
                if line.strip():
                    yield number, line
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 text ({error.reason}); save it as a plain CSV") from error


def _whole_lines(path, file):
    """Lines without their ends, which may be those of any system; tells where the last one has none."""
    raw = b"\n"
    for raw in file:
        yield from raw.splitlines()
    if not raw.endswith((b"\n", b"\r")):
        progress.say(f"{path}: has no line end behind its last line; if a download or a copy broke off, entries are "
                     "missing")  # fmt: skip


def _segments(cell, where):
    """The checked entries of a cell."""
    if len(cell) >= _SPREADSHEET_CELL and len(cell.decode()) == _SPREADSHEET_CELL:
        raise UserError(f"{where} has exactly {_SPREADSHEET_CELL:,} characters, where a spreadsheet cuts a cell; "
                        "take the file as it was before a spreadsheet saved it")  # fmt: skip
    try:
        segments = Names.parse(cell)
    except ValueError as error:
        raise UserError(f"{where}: found {_shortened(error.args[0])}, wanted `video:start`") from error
    twice = segments.twice()
    if twice:
        raise UserError(f"{where} ranks segment {twice.decode()} twice; keep the better place")
    return segments


def _shortened(line):
    text = line.decode()
    return repr(text if len(text) <= 60 else text[:60] + "...")


def write_videos(path, rows):
    """Writes the best classes of videos, complete or absent.

    A confidence has as many digits as tell a float32 from its neighbours: unequal ones stay unequal.

    Args:
      path: the CSV.
      rows: of each video (id, classes int [k], confidences float32 [k]), best first (metrics/sort_keys.py).

    Raises:
      UserError: for a video id that a CSV cannot hold, or where the file cannot be written.
      ValueError: for a NaN confidence.
    """
    with replacing(path) as file:
        file.write(b"VideoId,LabelConfidencePairs\n")
        for video_id, classes, confidences in rows:
            check_video_id(video_id)
            confidences = np.asarray(confidences, np.float32)
            if np.isnan(confidences).any():
                raise ValueError(f"video {video_id}: a confidence is NaN")
            pairs = (f"{c} {text}" for c, text in zip(classes, confidences.astype(str), strict=True))
            file.write(f"{video_id},{' '.join(pairs)}\n".encode())
