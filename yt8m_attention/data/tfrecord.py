"""Where the records of a local TFRecord file lie, and the file's bytes, mapped into memory.

A record is its length (uint64, little endian), the masked CRC-32C of those 8 bytes, the record, the masked CRC-32C
of the record. The first checksum is always checked, so that a file of another kind is recognised at once; the
second is not, since it would make random access read every byte.
"""

import functools
import mmap
import os
import struct

import numpy as np

from yt8m_attention.errors import UserError

_HEADER = struct.Struct("<QI")
_FOOTER_BYTES = 4


def _crc_table():
    table = []
    for crc in range(256):
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)  # Castagnoli's polynomial, reflected
        table.append(crc)
    return table


_CRC_TABLE = _crc_table()


def masked_crc32c(data):
    """CRC-32C of bytes, masked as TFRecord stores it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
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


@functools.lru_cache(maxsize=256)
def mapped(file_stamp):
    """The bytes of the file that a stamp names, as a memory map.

    Few are kept, since each holds a file descriptor and a process may have no more than 1024; one that is still
    in use by a view outlives its place here.

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


def record_spans(path, data):
    """Finds the records of a file.

    Args:
      path: of the file, for messages.
      data: its bytes.

    Returns:
      int64 [N, 2]: where each record begins and ends.

    Raises:
      UserError: where the bytes are no sequence of whole records.
    """
    spans, position, size = [], 0, len(data)
    while position < size:
        if size - position < _HEADER.size:
            _fail(path, position, "the file ends within a record's header")
        length, crc = _HEADER.unpack_from(data, position)
        if masked_crc32c(data[position : position + 8]) != crc:
            _fail(path, position, "not a TFRecord file, or damaged: the checksum of a record's length is wrong")
        start = position + _HEADER.size
        position = start + length + _FOOTER_BYTES
        if position > size:
            _fail(path, start, f"the file ends within a record of {length} bytes")
        spans.append((start, start + length))
    return np.array(spans, np.int64).reshape(-1, 2)


def _fail(path, offset, what):
    raise UserError(f"{path}: offset {offset}: {what}; write the file again or leave it out")
