"""Where the records of a local TFRecord file lie, and the file's bytes, mapped into memory.

A record is its length (uint64, little endian), the masked CRC-32C of those 8 bytes, the record, the masked CRC-32C
of the record. The first checksum is always checked, so that a file of another kind is recognised at once; the
second on request, since it makes random access read every byte.
"""

import functools
import mmap
import os
import resource
import struct

import google_crc32c
import numpy as np

from yt8m_attention.data.formats.bad_records import BadRecord
from yt8m_attention.errors import UserError

_HEADER = struct.Struct("<QI")
_HEADER_FIELDS = np.dtype([("length", "<u4"), ("upper", "<u4"), ("crc", "<u4")])
_FOOTER = struct.Struct("<I")
_SEARCHED = 1 << 20  # bytes at a time
_MOST_OPEN = 256


def masked_crc32c(data):
    """CRC-32C of bytes, masked as TFRecord stores it."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def stamp(path):
    """(path, size, time of change): names a file's contents.

    Raises:
      UserError: where there is no such file.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    return path, status.st_size, status.st_mtime_ns


def _most_open():
    """Files to hold open: few, since many a process may have no more than 1024, and other things need some too."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MOST_OPEN if allowed == resource.RLIM_INFINITY else min(_MOST_OPEN, allowed // 4)


@functools.lru_cache(maxsize=_most_open())
def mapped(file_stamp):
    """The bytes of the file that a stamp names, as a memory map.

    Each holds a file descriptor, and page tables for what was read of it; so the least recently used is given up,
    once nobody reads from it, to be mapped again when it is needed.

    Raises:
      UserError: where the file cannot be mapped.
    """
    path, size, _ = file_stamp
    if not size:
        raise UserError(f"{path}: is empty, no TFRecord file; write it again or leave it out")
    try:
        with open(path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error


def check_stamp(file_stamp):
    """Makes sure that a file is the one that was opened.

    Raises:
      UserError: where it is gone, or another.
    """
    path, size, _ = file_stamp
    found = stamp(path)
    if found != file_stamp:
        cut = f", and ends at offset {found[1]} instead of {size}" if found[1] < size else ""
        raise UserError(
            f"{path}: was changed while it was read{cut}; start again, and leave files be while a run lasts"
        )


def check_record(path, data, span):
    """Compares a record with its checksum.

    Raises:
      BadRecord: where they differ.
    """
    start, end = span
    (crc,) = _FOOTER.unpack_from(data, end)
    if masked_crc32c(data[start:end]) != crc:
        raise BadRecord(path, start, f"a record of {end - start} bytes whose checksum is wrong; fetch the file again")


def record_spans(path, data):
    """Finds the records of a file.

    Args:
      path: of the file, for messages.
      data: its bytes.

    Returns:
      (int64 [N, 2]: where each record begins and ends, list of BadRecord: what lies between them instead of records).

    Raises:
      BadRecord: where there is not one whole record.
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
    """Where the record begins and ends whose header is at a position."""
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
    """The next place of a header with a right checksum, whose record fits into the file; the file's end if none."""
    last = len(data) - _HEADER.size - _FOOTER.size
    while position <= last:
        # A header from each byte on: they overlap.
        headers = np.ndarray(min(_SEARCHED, last + 1 - position), _HEADER_FIELDS, data, position, strides=(1,))
        # No record is 4 GiB long: the upper half of a length is 0. Nor are checksums of 0 worth a look where a whole
        # stretch is: a length of 0 has another.
        places = np.flatnonzero((headers["upper"] == 0) & (headers["crc"] | headers["length"] != 0))
        lengths, crcs = headers["length"][places], headers["crc"][places]
        right = places[(lengths <= last - position - places) & (_masked_crcs_of_lengths(lengths) == crcs)]
        if len(right):
            return position + int(right[0])
        position += len(headers)
    return len(data)


def _masked_crcs_of_lengths(lengths):
    """masked_crc32c of each length as a header has it, all at once; lengths: uint32 [n]. Returns uint32 [n]."""
    crcs = np.bitwise_xor.reduce([table[lengths >> 8 * i & 255] for i, table in enumerate(_crc_tables())])
    return (crcs >> 15 | crcs << 17) + np.uint32(0xA282EAD8)


@functools.cache
def _crc_tables():
    """What each of a length's lower bytes does to the CRC-32C of the 8, uint32 [4, 256]: a CRC is linear but for a
    constant, which the first one has in it."""
    crc = np.array([[google_crc32c.value((b << 8 * i).to_bytes(8, "little")) for b in range(256)] for i in range(4)])
    crc[1:] ^= crc[0, 0]
    return crc.astype(np.uint32)


def _fail(path, offset, what):
    raise BadRecord(path, offset, f"{what}; write the file again or leave it out")
