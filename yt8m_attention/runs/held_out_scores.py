"""`scores.json`: the scores of a run's checkpoints on the held-out videos, which determine the best checkpoint."""

import os
from collections.abc import Mapping
from typing import Any

from yt8m_attention import files
from yt8m_attention.errors import UserError

_NAME = "scores.json"


def read(train_dir: str) -> dict[str, Any]:
    """Returns {"metric": name, "scores": {step: value}}; without held-out videos, the metric is None and scores is {}.

    Raises:
      UserError: if the file is damaged.
    """
    path = os.path.join(train_dir, _NAME)
    saved = files.read_json(path) or {"metric": None, "scores": {}}
    try:
        return {"metric": saved["metric"], "scores": {int(step): float(v) for step, v in saved["scores"].items()}}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: holds no held-out scores; restore or remove it") from error


def write(train_dir: str, metric: str, scores: Mapping[int, float]) -> None:
    """Writes the held-out scores of all checkpoints, {step: value}."""
    files.write_json(os.path.join(train_dir, _NAME), {"metric": metric, "scores": scores})


def best_step(scores: Mapping[int, float]) -> int | None:
    """Returns the step with the highest score, the earliest for equal scores, or None if there are no scores."""
    return max(sorted(scores), key=lambda step: scores[step], default=None)
