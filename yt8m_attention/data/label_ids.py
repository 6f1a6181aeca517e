"""The list of classes that segments are rated for."""

import pandas

from yt8m_attention import files
from yt8m_attention.errors import UserError


def read(source):
    """Reads class ids from a CSV, as the challenge's `segment_label_ids.csv`: a header `Index`, an id a row.

    Args:
      source: a path, or a URL.

    Returns:
      The ids, ascending, each once.

    Raises:
      UserError: naming the file, where it cannot be had or its first column is not one of ids.
    """
    try:
        column = pandas.read_csv(source).iloc[:, 0]
        ids = tuple(sorted(set(map(int, pandas.to_numeric(column, errors="raise")))))
    except (OSError, ValueError, IndexError, ImportError) as error:  # ImportError: a scheme that pandas does not know
        raise UserError(f"--segment_label_ids_file={source}: cannot be read: {error}; "
                        "wanted a CSV with a header and a class id a row") from error  # fmt: skip
    if not ids:
        raise UserError(f"--segment_label_ids_file={source}: holds no class id")
    return ids


def write(path, ids):
    """Writes class ids as `read` takes them."""
    with files.replacing(path, "w") as file:
        file.write("Index\n" + "".join(f"{c}\n" for c in ids))
