"""The list of classes that segments are rated for."""

import contextlib
import os
import re
import tempfile
import urllib.parse
import urllib.request

import pandas

from yt8m_attention import files
from yt8m_attention.errors import UserError

_ID = re.compile(r"(\d{1,18})(\.0*)?", re.ASCII)  # a program that knows fractions alone writes 3.0
_PATIENCE = 30  # seconds that a server may stay silent
_WANTED = "wanted a CSV with a header and a class id a row"


def read(source):
    """Reads class ids from a CSV, as the challenge's `segment_label_ids.csv`: a header `Index`, an id a row.

    Args:
      source: a path, gs:// too, or a URL; compressed, where its name ends so.

    Returns:
      The ids, ascending, each once.

    Raises:
      UserError: naming the file, where it cannot be had, has no header, or its first column is not one of ids.
    """
    flag = f"--segment_label_ids_file={source}"
    # A server that hangs up, an archive that is cut off, bytes that are no text: each raises something of its own.
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
    return tuple(sorted({int(_ID.fullmatch(cell)[1]) for cell in column}))


@contextlib.contextmanager
def _fetched(source):
    """A name that pandas can read from: of a copy, for what is on the web, where pandas would wait for ever."""
    address = urllib.parse.urlsplit(source)
    if address.scheme not in ("http", "https"):
        if "://" not in source:
            yield source
            return
        from yt8m_attention.data.storage.shard_cache import ShardCache  # TensorFlow takes longer to import than a file

        cache = ShardCache()
        yield cache.local_path(source)
        return
    with urllib.request.urlopen(source, timeout=_PATIENCE) as answer:
        # pandas goes by how a name ends. A server that says what the packing is has the last word.
        packed = answer.headers.get("Content-Encoding") == "gzip"
        with tempfile.NamedTemporaryFile(suffix=".gz" if packed else os.path.basename(address.path)[-100:]) as copy:
            copy.write(answer.read())  # which tells where it broke off
            copy.flush()
            yield copy.name


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def write(path, ids):
    """Writes class ids as `read` takes them."""
    with files.replacing(path, "w") as file:
        file.write("Index\n" + "".join(f"{c}\n" for c in ids))
