"""Reads and writes the challenge's CSV files: ranked segments of every class, and the best classes of every video.

Segments: header `Class,Segments`, then one row per class: its id, a comma, `video:start` separated by spaces, best
first. Videos: header `VideoId,LabelConfidencePairs`, then one row per video: its id, a comma, `class confidence` pairs,
best first. Source: the rules of the 3rd YouTube-8M challenge, and the starter code's inference.
"""

import logging
import re
import typing
from collections.abc import Iterable, Iterator

import numpy as np

from yt8m_attention.errors import UserError
from yt8m_attention.files import replacing
from yt8m_attention.inference.segment_names import Names

logger = logging.getLogger(__name__)

_VIDEO_ID = re.compile(r'[^\s,:"\x00-\x1f\x7f]+')
_FORMULA = re.compile(r"[=+@]|-(?![\w-]*$)", re.ASCII)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Spreadsheet programs cut longer cells to this number of characters.
_SPREADSHEET_CELL = 32_767


class Row(typing.NamedTuple):
    """One class of a submission."""

    class_id: int
    segments: Names  # best first
    cut: int  # number of further entries in the file, beyond top_n


def segment_names(video_ids: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Returns `video:start` of each segment, as bytes.

    Args:
      video_ids: str or bytes [N].
      starts: int [N], seconds (frames).

    Returns:
      An array of fixed-width bytes [N], no wider than the longest name.

    Raises:
      UserError: for a video id that a submission cannot hold, see check_video_id.
    """
    ids = [v.decode() if isinstance(v, bytes) else str(v) for v in np.asarray(video_ids).tolist()]
    for video_id in set(ids):
        check_video_id(video_id)
    pairs = zip(ids, np.asarray(starts, np.int64).tolist(), strict=True)
    return np.array([f"{video_id}:{start}".encode() for video_id, start in pairs], bytes)


def check_video_id(video_id: str) -> None:
    """Checks that a submission can hold a video id.

    A spreadsheet takes a text that starts with =, +, @ or - for a formula. An id of YouTube may start with -. It is
    accepted, because it holds only letters, digits, - and _, which make no harmful formula.

    Raises:
      UserError: if it cannot.
    """
    if _FORMULA.match(video_id):
        raise UserError(f"video id {video_id!r}: a spreadsheet would take it for a formula; give the video another id")
    if not _VIDEO_ID.fullmatch(video_id):
        raise UserError(f"video id {video_id!r}: a submission cannot hold an id that is empty or has a space, comma, "
                        "colon, quote or control character; give the video another id")  # fmt: skip


def plain_text(text: str) -> str:
    """Returns a text as one line for a cell, with a leading ' if a spreadsheet would take it for a formula."""
    line = " ".join(text.split())
    return f"'{line}" if _FORMULA.match(line) else line


def write(path: str, class_ids: Iterable[int], names: np.ndarray, ranked: Iterable[np.ndarray]) -> None:
    """Writes a submission, complete or absent.

    Args:
      path: path of the CSV.
      class_ids: int [C].
      names: bytes [N], see `segment_names`.
      ranked: C arrays of int64: the indices in names of a class's segments, best first, from TopSegments.

    Raises:
      UserError: if the file cannot be written.
      ValueError: for a negative index.
    """
    # A table with one name per row: its bytes, a space, and zeros up to the full width. A cell is the ranked rows
    # without the zeros.
    width = names.dtype.itemsize
    table = np.zeros((len(names), width + 1), np.uint8)
    table[:, :width] = np.ascontiguousarray(names).view(np.uint8).reshape(len(names), width)
    table[np.arange(len(names)), np.char.str_len(names)] = ord(" ")
    with replacing(path) as file:
        file.write(b"Class,Segments\n")
        for class_id, indices in zip(class_ids, ranked, strict=True):
            if len(indices) and indices.min() < 0:
                raise ValueError(f"class {class_id}: negative index {indices.min()}")
            cell = table.take(indices, axis=0).tobytes().translate(None, b"\0")
            file.write(b"%d,%s\n" % (class_id, cell[:-1]))


def read(path: str, top_n: int | None = None) -> Iterator[Row]:
    """Reads a submission from any system, row by row.

    The file may have no header, a byte order mark, any line ends, blank lines, quoted cells and additional white space.

    Args:
      path: path of the CSV.
      top_n: number of segments per class to keep; the others are checked and counted. None: keep all.

    Yields:
      A Row for each class, in the order of the file.

    Raises:
      UserError: with file and line, for a file that cannot be read or holds no class, a malformed row, a duplicate
        class, a duplicate segment of a class, and a cell that a spreadsheet has cut.
    """
    lines: dict[int, int] = {}  # line number by class id
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
            raise UserError(f"{where}: class {class_id} already has a row, line {lines[class_id]}; keep one")
        lines[class_id] = number
        segments = _segments(cell, f"{where}: class {class_id}")
        yield Row(class_id, segments[:top_n], len(segments) - len(segments[:top_n]))
    if not lines:
        raise UserError(f"{path}: holds no class; wanted rows of a class id, a comma and `video:start` ...")


def _lines(path):
    """Yields (line number, UTF-8 bytes) of each line that is not blank, with ASCII white space between its entries."""
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
    """Yields lines without their ends, which may be of any system. Logs a missing end of the last line."""
    raw = b"\n"
    for raw in file:
        yield from raw.splitlines()
    if not raw.endswith((b"\n", b"\r")):
        logger.info(f"{path}: the last line has no line end; entries are missing if a download or a copy was "
                    "interrupted")  # fmt: skip


def _segments(cell, where):
    """Parses and checks the entries of a cell."""
    if len(cell) >= _SPREADSHEET_CELL and len(cell.decode()) == _SPREADSHEET_CELL:
        raise UserError(f"{where} has exactly {_SPREADSHEET_CELL:,} characters, where a spreadsheet cuts a cell; "
                        "use the file from before a spreadsheet saved it")  # fmt: skip
    try:
        segments = Names.parse(cell)
    except ValueError as error:
        raise UserError(f"{where}: found {_shortened(error.args[0])}, wanted `video:start`") from error
    duplicate = segments.first_duplicate()
    if duplicate:
        raise UserError(f"{where} ranks segment {duplicate.decode()} twice; keep the higher rank")
    return segments


def _shortened(line):
    text = line.decode()
    return repr(text if len(text) <= 60 else text[:60] + "...")


def write_videos(path: str, rows: Iterable[tuple[str, np.ndarray, np.ndarray]]) -> None:
    """Writes the best classes of videos, complete or absent.

    A confidence is written with enough digits to identify the float32, so different values stay different.

    Args:
      path: path of the CSV.
      rows: (id, classes int [k], confidences float32 [k]) of each video, best first (metrics/sort_keys.py).

    Raises:
      UserError: for a video id that a CSV cannot hold, or if the file cannot be written.
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
