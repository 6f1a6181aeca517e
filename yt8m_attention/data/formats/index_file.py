"""Indices of shards on disk, so that a shard is walked through once and not once a run.

A file is a line of JSON and the arrays it names, one after another; it counts only if it is whole, of this version, and
made of the shard as it is now (size and time of change) for the same features. It stands in nobody's way: what cannot
be read is made anew, and where it cannot be written it is not kept.
"""

import contextlib
import hashlib
import json
import os
import zlib

import numpy as np

from yt8m_attention import files
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.errors import UserError

NOWHERE = "none"
_VERSION = 3


def place(path, index_dir):
    """Where a shard's index is kept.

    Args:
      path: of the shard; only with an index_dir may it be remote.
      index_dir: a directory; None: a hidden file beside the shard (patterns such as `*` pass over those), if that can
        be written; "none": nowhere.

    Returns:
      A path, or None for nowhere.
    """
    if index_dir == NOWHERE:
        return None
    directory, name = os.path.split(path if file_patterns.is_remote(path) else os.path.abspath(path))
    if index_dir is None:
        return os.path.join(directory, f".{name}.index")
    digest = hashlib.blake2b(directory.encode(), digest_size=6).hexdigest()  # equal names of several directories
    return os.path.join(index_dir, f"{name}.{digest}.index")


def write(place, key, arrays):
    """Writes the arrays of a shard with that key (JSON), complete or not at all."""
    if place is None:
        return
    directory = os.path.dirname(place)
    with contextlib.suppress(OSError):
        os.makedirs(directory, exist_ok=True)
    if not os.access(directory, os.W_OK):
        return
    body = b"".join(array.tobytes() for array in arrays.values())
    head = {"version": _VERSION, "key": key, "checksum": zlib.crc32(body),
            "arrays": [[name, array.dtype.str, array.shape] for name, array in arrays.items()]}  # fmt: skip
    with contextlib.suppress(UserError), files.replacing(place) as file:
        file.write(json.dumps(head).encode() + b"\n" + body)


def read(place, key, names):
    """name -> array as they were written under that key; None where there are none such."""
    if place is None:
        return None
    try:
        with open(place, "rb") as file:
            raw = file.read()
        start = raw.index(b"\n") + 1
        head = json.loads(raw[:start])
        if head["version"] != _VERSION or head["key"] != key or head["checksum"] != zlib.crc32(raw[start:]):
            return None
        arrays = {}
        for name, dtype, shape in head["arrays"]:
            count = int(np.prod(shape))
            arrays[name] = np.frombuffer(raw, dtype, count, start).reshape(shape)
            start += arrays[name].nbytes
        return arrays if tuple(arrays) == names else None
    except Exception:  # a damaged head can name any type, and numpy any error; it is made anew whatever it was
        return None
