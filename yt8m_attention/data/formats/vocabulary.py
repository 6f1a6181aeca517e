"""What the classes are called."""

import csv
import os

from yt8m_attention import files
from yt8m_attention.data.storage.shard_cache import ShardCache
from yt8m_attention.errors import UserError

_ID, _NAME = "Index", "Name"
_WANTED = f"wanted a CSV with columns {_ID} and {_NAME}"


_FILE = "vocabulary.csv"  # in a training directory


class Vocabulary:
    """Class names by id.

    Args:
      names: {id: name}; a class without one is called "class" and its id.
    """

    def __init__(self, names=()):
        self.names = dict(names)

    def __len__(self):
        return len(self.names)

    def name(self, class_id):
        """The name, or "class 17"."""
        return self.names.get(int(class_id)) or f"class {int(class_id)}"


def keep(train_dir, vocabulary):
    """Leaves names in a training directory, for commands that use what was trained there; leaves it be without any."""
    if len(vocabulary):
        with files.replacing(os.path.join(train_dir, _FILE), "w") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow((_ID, _NAME))
            writer.writerows(sorted(vocabulary.names.items()))


def kept(train_dir):
    """The path of the names that `keep` left in a training directory; None where there are none."""
    path = os.path.join(train_dir, _FILE)
    return path if os.path.isfile(path) else None


def read(path):
    """Reads names from a CSV with columns `Index` and `Name`, as YouTube-8M's `vocabulary.csv`.

    Args:
      path: the file, gs:// too; None or "": no names.

    Returns:
      A Vocabulary.

    Raises:
      UserError: naming the file, where it cannot be read or is no such CSV.
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
