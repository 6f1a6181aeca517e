"""Names of the classes."""

import csv
import os
from collections.abc import Iterable, Mapping

from yt8m_attention import files
from yt8m_attention.data.storage.shard_cache import ShardCache
from yt8m_attention.errors import UserError

_ID, _NAME = "Index", "Name"
_WANTED = f"wanted a CSV with columns {_ID} and {_NAME}"
_FILE = "vocabulary.csv"  # in a train_dir


class Vocabulary:
    """Class names by id.

    Args:
      names: {id: name}; a class without a name is called "class" and its id.
    """

    def __init__(self, names: Mapping[int, str] | Iterable[tuple[int, str]] = ()) -> None:
        self.names = dict(names)

    def __len__(self) -> int:
        return len(self.names)

    def name(self, class_id: int) -> str:
        """Returns the name of a class, or "class 17"."""
        return self.names.get(int(class_id)) or f"class {int(class_id)}"


def keep(train_dir: str, vocabulary: Vocabulary) -> None:
    """Writes names to a train_dir, for commands that use its model. Writes nothing without names."""
    if len(vocabulary):
        with files.replacing(os.path.join(train_dir, _FILE), "w") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow((_ID, _NAME))
            writer.writerows(sorted(vocabulary.names.items()))


def kept(train_dir: str) -> str | None:
    """Returns the path of the names that `keep` wrote to a train_dir; None if it wrote none."""
    path = os.path.join(train_dir, _FILE)
    return path if os.path.isfile(path) else None


def read(path: str | None) -> Vocabulary:
    """Reads names from a CSV with columns `Index` and `Name`, such as YouTube-8M's `vocabulary.csv`.

    Args:
      path: path of the file, also gs://; None or "": no names.

    Raises:
      UserError: naming the file, when it cannot be read or has other columns.
    """
    if not path:
        return Vocabulary()
    cache = ShardCache()
    try:
        with open(cache.local_path(path), encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not {_ID, _NAME} <= set(rows.fieldnames or ()):
                raise ValueError(f"has columns {rows.fieldnames or 'none'}")
            return Vocabulary({int(row[_ID]): row[_NAME].strip() for row in rows})
    except (UserError, OSError, ValueError, AttributeError, TypeError, csv.Error) as error:
        raise UserError(f"--vocabulary={path}: cannot be read: {error}; {_WANTED}") from error
