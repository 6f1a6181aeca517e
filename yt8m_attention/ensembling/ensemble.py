"""From trained models and saved scores to one ranking of the segments of every class."""

from dataclasses import dataclass

import numpy as np

from yt8m_attention.ensembling import blend, fit, members, scores_file
from yt8m_attention.errors import UserError
from yt8m_attention.inference import rank, scoring, windows


@dataclass(frozen=True)
class Inputs:
    """What is blended, in the order in which it was named, and how much each counts.

    Attributes:
      paths: training directories and files of scores.
      is_model: of each path, whether it is a training directory.
      weights: one a path, or None: equal or fitted.
      method: one of blend.METHODS.
    """

    paths: tuple[str, ...]
    is_model: tuple[bool, ...]
    weights: tuple[float, ...] | None = None
    method: str = "mean"

    @property
    def train_dirs(self):
        return [path for path, is_model in zip(self.paths, self.is_model, strict=True) if is_model]

    @property
    def files(self):
        return [path for path, is_model in zip(self.paths, self.is_model, strict=True) if not is_model]


@dataclass(frozen=True)
class Fitting:
    """Rated videos to fit weights on.

    Attributes:
      pattern: the files.
      held_out: function of the share that the members held out -> the share that alone is used, 0 for all videos.
    """

    pattern: str
    held_out: object


def rank_models(inputs: Inputs, make_job, change_data, max_per_class, fitting=None):
    """Blends models, with files of scores or without, scoring them all in one pass over the shards.

    Args:
      inputs: one training directory at least.
      make_job: function of the members' config.Data and their held-out share -> rank.Job.
      change_data: see members.load.
      max_per_class: segments of a class, at most.
      fitting: Fitting, or None where the weights are given or equal.

    Returns:
      dict of `inputs`, `segments`, `classes`, `rows`, `segments_per_second`, `output_file`; where weights were fitted
      also `weights` and `map`, that of the blend on the videos they were fitted on.

    Raises:
      UserError: where inputs do not fit together, or weights were to be fitted on what is scored or was trained on.
    """
    saved = [scores_file.load(path) for path in inputs.files]
    trained, data = members.load(inputs.train_dirs, change_data)
    share = min((t.run.phase.holdout_fraction for t in trained if t.run.phase.holdout_fraction), default=0.0)
    job = make_job(data, share)
    weights, fitted = inputs.weights, {}
    if fitting:
        members.check_not_scored(fitting.pattern, job.pattern)
        held_out = fitting.held_out(share)
        members.check_unseen(trained, fitting.pattern, held_out)
        pairs = fit.rated_pairs([scoring.make_scorer(t.model) for t in trained], fitting.pattern, data, held_out)
        weights, value = fit.fit(pairs, inputs.train_dirs, inputs.method)
        fitted = {"weights": weights.tolist(), "map": value}
    blend.normalised(weights, len(inputs.paths))  # what is wrong with them is said before the long pass
    classes = rank.segment_classes(data)
    parts = windows.score([scoring.make_scorer(t.model, classes, job.precision) for t in trained], job)
    if saved or inputs.method == "rank":  # both need all segments at once
        parts = [_all_together(parts)]
    blended = (
        (ids, starts, blend.blend(_in_order(inputs, scores, saved, ids, starts, classes), weights, inputs.method))
        for ids, starts, scores in parts
    )
    return {"inputs": len(inputs.paths)} | rank.write_ranking(blended, classes, job, max_per_class) | fitted


def rank_files(inputs: Inputs, job, max_per_class):
    """Blends files of scores alone; arguments, returns and errors as rank_models."""
    saved = [scores_file.load(path) for path in inputs.files]
    first = saved[0]
    scores = [scores_file.aligned(other, first.ids, first.starts, first.classes) for other in saved]
    part = first.ids, first.starts, blend.blend(scores, inputs.weights, inputs.method)
    return {"inputs": len(saved)} | rank.write_ranking(
        [part], first.classes, job, max_per_class, f"--inputs: {first.path}"
    )


def _all_together(parts):
    ids, starts, scores = zip(*parts, strict=True)
    if not ids:
        raise UserError("--input_data_pattern: no segment to score")
    return np.concatenate(ids), np.concatenate(starts), [np.concatenate(member) for member in zip(*scores, strict=True)]


def _in_order(inputs, scores, saved, ids, starts, classes):
    """The members' scores [N, C] in the order of the inputs."""
    models = iter(scores)
    others = (scores_file.aligned(file, ids, starts, classes) for file in saved)
    return [next(models) if is_model else next(others) for is_model in inputs.is_model]
