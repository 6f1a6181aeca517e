"""Writes the average precision of each class to a CSV."""

import csv
from collections.abc import Callable

from yt8m_attention import files
from yt8m_attention.inference import submission


def write(path: str, per_class: dict[int, tuple[float, int, int]],
          class_name: Callable[[int], str] = "class {}".format) -> None:  # fmt: skip
    """Writes `class,average_precision,positives,rated,name`, one row per class, best first. The write is atomic.

    Args:
      path: the CSV.
      per_class: {class: (average precision, positives, rated)}.
      class_name: function of a class id -> its name. A name that a spreadsheet would run as a formula gets a leading '.

    Raises:
      UserError: if the file cannot be written.
    """
    rows = sorted(per_class.items(), key=lambda item: (-item[1][0], item[0]))
    with files.replacing(path, "w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("class", "average_precision", "positives", "rated", "name"))
        writer.writerows((c, *figures, submission.plain_text(class_name(c))) for c, figures in rows)
