"""`scores.json`: what the evaluations on held-out videos said of a run's checkpoints, which tells the best of them."""

import os

from yt8m_attention import files
from yt8m_attention.errors import UserError

_NAME = "scores.json"


def read(train_dir):
    """Held-out scores by step: {"metric": name, "scores": {step: value}}, empty where nothing was held out."""
    path = os.path.join(train_dir, _NAME)
    saved = files.read_json(path) or {"metric": None, "scores": {}}
    try:
        return {"metric": saved["metric"], "scores": {int(step): float(v) for step, v in saved["scores"].items()}}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: holds no held-out scores; restore or remove it") from error


def write(train_dir, metric, scores):
    """Records the held-out scores of all checkpoints, {step: value}."""
    files.write_json(os.path.join(train_dir, _NAME), {"metric": metric, "scores": scores})


def best_step(scores):
    """The step with the highest held-out score, the earliest of equals, or None."""
    return max(sorted(scores), key=scores.get, default=None)
