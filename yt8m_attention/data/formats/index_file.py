"""Index files: shard indexes on disk, so that a shard is indexed once and not in every run.

A file holds a line of JSON and the arrays that it names, one after another. It is used only if it is complete, has this
version, and matches the shard's size, time of change and features. Index files never cause an error: an unreadable one
is built again, and without write permission none is written.
"""

import contextlib
import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from yt8m_attention import files
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.errors import UserError

NOWHERE = "none"
_VERSION = 3


def place(path: str, index_dir: str | None) -> str | None:
    """Returns the path of a shard's index file, or None for no index file.

    Args:
      path: path of the shard; may be remote only with an index_dir.
      index_dir: a directory; None: a hidden file beside the shard (patterns such as `*` skip hidden files), if the
        folder is writable; "none": no index file.
    """
    if index_dir == NOWHERE:
        return None
    directory, name = os.path.split(path if file_patterns.is_remote(path) else os.path.abspath(path))
    if index_dir is None:
        return os.path.join(directory, f".{name}.index")
    digest = hashlib.blake2b(
        directory.encode(), digest_size=6
    ).hexdigest()  # distinguishes equal names in several directories
    return os.path.join(index_dir, f"{name}.{digest}.index")


def write(place: str | None, key: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Writes a shard's arrays and key (JSON), complete or not at all."""
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


def read(place: str | None, key: dict[str, Any], names: tuple[str, ...]) -> dict[str, np.ndarray] | None:
    """Reads {name: array} of an index file with these names and this key; None if there is no such file."""
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
    except Exception:  # a damaged header can cause any error of numpy; the index is built again
        return None
