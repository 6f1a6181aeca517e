"""Reads and writes the list of classes with rated segments."""

import contextlib
import os
import re
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterable

import pandas

from yt8m_attention import files
from yt8m_attention.errors import UserError

_ID = re.compile(r"(\d{1,18})(\.0*)?", re.ASCII)  # some programs write 3 as 3.0
_TIMEOUT = 30  # of a server, seconds
_WANTED = "wanted a CSV with a header and a class id per row"


def read(source: str) -> tuple[int, ...]:
    """Reads class ids from a CSV such as the challenge's `segment_label_ids.csv`: a header `Index`, one id per row.

    Args:
      source: a path, local or gs://, or a URL; the file is decompressed according to the end of its name.

    Returns:
      The ids, ascending, each once.

    Raises:
      UserError: naming the file, when it cannot be read, has no header, or its first column holds other values.
    """
    flag = f"--segment_label_ids_file={source}"
    # An aborted download, a truncated archive and binary data each raise another exception.
    with files.reading_arrays(lambda error: f"{flag}: cannot be read: {error}; {_WANTED}"):
        with _fetched(str(source)) as path:
            cells = pandas.read_csv(path, header=None, dtype=str, keep_default_na=False)
        header, *column = cells.iloc[:, 0].str.strip()
        if _is_number(header):
            raise ValueError(f"the first row is {header[:40]}, which is no header")
        wrong = next((cell for cell in column if not _ID.fullmatch(cell)), None)
        if wrong is not None:
            raise ValueError(f"found {wrong[:40]!r} among the ids")
    if not column:
        raise UserError(f"{flag}: holds no class id")
    return tuple(sorted({int(cell.partition(".")[0]) for cell in column}))


@contextlib.contextmanager
def _fetched(source):
    """Yields a path for pandas: of a copy for a URL, because pandas has no timeout."""
    address = urllib.parse.urlsplit(source)
    if address.scheme not in ("http", "https"):
        if "://" not in source:
            yield source
            return
        from yt8m_attention.data.storage.shard_cache import ShardCache  # TensorFlow takes longer to import than a file

        cache = ShardCache()
        yield cache.local_path(source)
        return
    with urllib.request.urlopen(source, timeout=_TIMEOUT) as response:
        # pandas derives the compression from the end of a name. The server's header overrules it.
        compressed = response.headers.get("Content-Encoding") == "gzip"
        with tempfile.NamedTemporaryFile(suffix=".gz" if compressed else os.path.basename(address.path)[-100:]) as copy:
            copy.write(response.read())  # raises if the download is incomplete
            copy.flush()
            yield copy.name


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def write(path: str, ids: Iterable[int]) -> None:
    """Writes class ids in the format that `read` accepts."""
    with files.replacing(path, "w") as file:
        file.write("Index\n" + "".join(f"{c}\n" for c in ids))
