"""Finds the records of a local TFRecord file and maps the file into memory.

A record is its length (uint64, little endian), the masked CRC-32C of those 8 bytes, the record, and the masked CRC-32C
of the record. The first checksum is always verified, which detects files of another format at once. The second one is
optional, because it reads every byte.
"""

import functools
import mmap
import os
import resource
import struct
from typing import TypeAlias

import google_crc32c
import numpy as np

from yt8m_attention.data.formats.bad_records import BadRecord
from yt8m_attention.errors import UserError

# (path, size in bytes, time of change in ns): names the contents of a file.
Stamp: TypeAlias = tuple[str, int, int]
# The bytes of a file.
Bytes: TypeAlias = bytes | mmap.mmap

_HEADER = struct.Struct("<QI")
_HEADER_FIELDS = np.dtype([("length", "<u4"), ("upper", "<u4"), ("crc", "<u4")])
_FOOTER = struct.Struct("<I")
_SEARCH_CHUNK = 1 << 20  # bytes
_MAX_OPEN_FILES = 256


def masked_crc32c(data: Bytes) -> int:
    """Returns the CRC-32C of bytes, masked as in TFRecord files."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def stamp(path: str) -> Stamp:
    """Returns the stamp of a file: (path, size in bytes, time of change in ns).

    Raises:
      UserError: when the file cannot be read.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    return path, status.st_size, status.st_mtime_ns


def _max_open_files():
    """Returns the number of files to keep open: at most a quarter of the process's limit, which is often 1024."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MAX_OPEN_FILES if allowed == resource.RLIM_INFINITY else min(_MAX_OPEN_FILES, allowed // 4)


@functools.lru_cache(maxsize=_max_open_files())
def mapped(file_stamp: Stamp) -> mmap.mmap:
    """Returns the bytes of a file as a memory map.

    A map holds a file descriptor and page tables. So the cache drops the least recently used map, which closes when its
    last reader is done, and maps the file again on demand.

    Raises:
      UserError: when the file cannot be mapped.
    """
    path, size, _ = file_stamp
    if not size:
        raise UserError(f"{path}: is empty, no TFRecord file; write it again or leave it out")
    try:
        with open(path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error


def check_stamp(file_stamp: Stamp) -> None:
    """Checks that a file has not changed since it was opened.

    Raises:
      UserError: when the file is missing or has changed.
    """
    path, size, _ = file_stamp
    found = stamp(path)
    if found != file_stamp:
        cut = f", and ends at offset {found[1]} instead of {size}" if found[1] < size else ""
        raise UserError(
            f"{path}: was changed while it was read{cut}; start again, and do not change files during a run"
        )


def check_record(path: str, data: Bytes, span: tuple[int, int]) -> None:
    """Verifies a record's checksum.

    Raises:
      BadRecord: when the checksum differs.
    """
    start, end = span
    (crc,) = _FOOTER.unpack_from(data, end)
    if masked_crc32c(data[start:end]) != crc:
        raise BadRecord(path, start, f"a record of {end - start} bytes whose checksum is wrong; fetch the file again")


def record_spans(path: str, data: Bytes) -> tuple[np.ndarray, list[BadRecord]]:
    """Finds the records of a file.

    Args:
      path: path of the file, for messages.
      data: bytes of the file.

    Returns:
      (int64 [N, 2]: start and end of each record, list of BadRecord: the damaged parts between them).

    Raises:
      BadRecord: when the file has no complete record.
    """
    spans, faults, position, size = [], [], 0, len(data)
    while position < size:
        try:
            start, end = _span(path, data, position)
        except BadRecord as fault:
            faults.append(fault)
            position = _next_header(data, position + 1)
        else:
            spans.append((start, end))
            position = end + _FOOTER.size
    if faults and not spans:
        raise faults[0]
    return np.array(spans, np.int64).reshape(-1, 2), faults


def _span(path, data, position):
    """Returns the start and end of the record whose header is at a position."""
    if len(data) - position < _HEADER.size:
        _fail(path, position, "the file ends within a record's header")
    length, crc = _HEADER.unpack_from(data, position)
    if masked_crc32c(data[position : position + 8]) != crc:
        _fail(path, position, "not a TFRecord file, or damaged: the checksum of a record's length is wrong")
    start = position + _HEADER.size
    if start + length + _FOOTER.size > len(data):
        _fail(path, start, f"the file ends within a record of {length} bytes")
    return start, start + length


def _next_header(data, position):
    """Returns the next position of a valid header whose record fits into the file; the file's end if none."""
    last = len(data) - _HEADER.size - _FOOTER.size
    while position <= last:
        # A possible header at each byte; these overlap.
        headers = np.ndarray(min(_SEARCH_CHUNK, last + 1 - position), _HEADER_FIELDS, data, position, strides=(1,))
        # No record is 4 GiB long, so the upper half of its length is 0. A range of zeros is skipped early: the checksum
        # of a length of 0 is not 0.
        positions = np.flatnonzero((headers["upper"] == 0) & (headers["crc"] | headers["length"] != 0))
        lengths, crcs = headers["length"][positions], headers["crc"][positions]
        valid = positions[(lengths <= last - position - positions) & (_masked_crcs_of_lengths(lengths) == crcs)]
        if len(valid):
            return position + int(valid[0])
        position += len(headers)
    return len(data)


def _masked_crcs_of_lengths(lengths):
    """Returns the masked_crc32c, uint32 [n], of the 8 header bytes of each length, uint32 [n]."""
    crcs = np.bitwise_xor.reduce([table[lengths >> 8 * i & 255] for i, table in enumerate(_crc_tables())])
    return (crcs >> 15 | crcs << 17) + np.uint32(0xA282EAD8)


@functools.cache
def _crc_tables():
    """Returns what each value of each of a length's 4 low bytes adds to the CRC-32C of its 8 bytes, uint32 [4, 256].

    A CRC is linear except for a constant, which the first table includes.
    """
    crc = np.array([[google_crc32c.value((b << 8 * i).to_bytes(8, "little")) for b in range(256)] for i in range(4)])
    crc[1:] ^= crc[0, 0]
    return crc.astype(np.uint32)


def _fail(path, offset, what):
    raise BadRecord(path, offset, f"{what}; write the file again or leave it out")
