"""A CSV of each class's average precision."""

import csv

from yt8m_attention import files


def write(path, per_class, class_name="class {}".format):
    """Writes `class,average_precision,positives,rated,name`, a row a class, best first; complete or absent.

    Args:
      path: the CSV.
      per_class: {class: (average precision, positives, rated)}.
      class_name: function of a class id -> its name.

    Raises:
      UserError: where the file cannot be written.
    """
    rows = sorted(per_class.items(), key=lambda item: (-item[1][0], item[0]))
    with files.replacing(path, "w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("class", "average_precision", "positives", "rated", "name"))
        writer.writerows((c, *figures, class_name(c)) for c, figures in rows)
