"""A CSV of each class's average precision."""

import csv

from yt8m_attention import files
from yt8m_attention.inference import submission


def write(path, per_class, class_name="class {}".format):
    """Writes `class,average_precision,positives,rated,name`, a row a class, best first; complete or absent.

    Args:
      path: the CSV.
      per_class: {class: (average precision, positives, rated)}.
      class_name: function of a class id -> its name; one that a spreadsheet would take for a formula gets a ' in front.

    Raises:
      UserError: where the file cannot be written.
    """
    rows = sorted(per_class.items(), key=lambda item: (-item[1][0], item[0]))
    with files.replacing(path, "w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("class", "average_precision", "positives", "rated", "name"))
        writer.writerows((c, *figures, submission.plain_text(class_name(c))) for c, figures in rows)
