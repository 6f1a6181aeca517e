"""Blends trained models and files of scores into one ranking of segments per class.

Letters: N segments, C classes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from yt8m_attention import config
from yt8m_attention.ensembling import blend, fit, members, rated_pairs, scores_file
from yt8m_attention.errors import UserError
from yt8m_attention.inference import rank, scoring, windows

_SEGMENTS = 4096  # segments per part, for files alone; it bounds memory and does not change the result


@dataclass(frozen=True)
class Inputs:
    """The inputs of a blend in their given order, and their weights.

    Attributes:
      paths: training directories and files of scores.
      is_model: for each path, whether it is a training directory.
      weights: one per path; None: fitted if there are rated videos to fit on, otherwise equal.
      method: one of blend.METHODS.
    """

    paths: tuple[str, ...]
    is_model: tuple[bool, ...]
    weights: tuple[float, ...] | None = None
    method: str = "mean"

    def __post_init__(self) -> None:
        blend.normalised(self.weights, len(self.paths))  # wrong weights fail before any long pass

    @property
    def train_dirs(self) -> list[str]:
        """The training directories."""
        return [path for path, is_model in zip(self.paths, self.is_model, strict=True) if is_model]

    @property
    def files(self) -> list[str]:
        """The files of scores."""
        return [path for path, is_model in zip(self.paths, self.is_model, strict=True) if not is_model]

    def in_order(self, of_models: Iterable[Any], of_files: Iterable[Any]) -> list[Any]:
        """Merges one value per model and one value per file into a list in the order of the inputs."""
        models, saved = iter(of_models), iter(of_files)
        return [next(models) if is_model else next(saved) for is_model in self.is_model]


@dataclass(frozen=True)
class Rated:
    """Rated videos to judge the blend, and to fit its weights if none are given.

    Attributes:
      pattern: the files.
      held_out: function of the share that the members held out -> the share to use, 0 for all videos.
    """

    pattern: str
    held_out: Callable[[float], float]


def rank_models(inputs: Inputs, make_job: Callable[[config.Data, float], rank.RankingJob],
                change_data: Callable[[config.Data], config.Data], max_per_class: int,
                rated: Rated | None = None) -> dict[str, Any]:  # fmt: skip
    """Blends models and optional files of scores. All models are scored in one pass over the shards.

    Args:
      inputs: Inputs with at least one training directory.
      make_job: function of the members' config.Data and their held-out share -> rank.RankingJob; without an output_file
        nothing is ranked.
      change_data: see members.load.
      max_per_class: maximum number of segments per class.
      rated: Rated, or None.

    Returns:
      dict of `inputs`. With an output_file also `segments`, `classes`, `rows`, `segments_per_second` and `output_file`.
      With `rated` also `weights` and the `map` of the blend on these videos.

    Raises:
      UserError: if the inputs do not fit together; if weights would be fitted on the scored files; if a member was
        trained on the videos that judge the blend, or on videos that are scored as held out.
    """
    saved = [scores_file.load(path) for path in inputs.files]
    trained, data = members.load(inputs.train_dirs, change_data)
    share = min((t.run.phase.holdout_fraction for t in trained if t.run.phase.holdout_fraction), default=0.0)
    job, classes, weights, judged = make_job(data, share), rank.segment_classes(data), inputs.weights, {}
    for file in saved:
        file.check_classes(classes)
    if job.scoring.video_score_weight:
        members.check_sampled_alike(trained, change_data)
    if rated:
        held_out = rated.held_out(share)
        if weights is None and job.output_file:
            members.check_not_scored(rated.pattern, job.pattern)
        members.check_unseen(trained, rated.pattern, held_out, "fit_data_pattern")
        scorers = [scoring.make_scorer(t.model) for t in trained]
        pairs = rated_pairs.of_models(
            scorers, saved, inputs.in_order, rated.pattern, data, classes, held_out, job.scoring
        )
        weights, judged = _judge(inputs, pairs)
    if not job.output_file:
        return {"inputs": len(inputs.paths)} | judged
    if job.held_out:
        members.check_unseen(trained, job.pattern, job.held_out, "input_data_pattern")
    parts = windows.score([scoring.make_scorer(t.model, classes, job.scoring.precision) for t in trained], job)
    blended = _blended(inputs, weights, parts, saved, classes)
    return {"inputs": len(inputs.paths)} | rank.write_ranking(blended, classes, job, max_per_class) | judged


def rank_files(inputs: Inputs, job: rank.RankingJob, max_per_class: int, rated: Rated | None = None) -> dict[str, Any]:
    """Blends files of scores alone.

    Args:
      inputs: Inputs without a training directory.
      job: output files, and the config.Data for reading ratings.
      max_per_class, rated: as rank_models.

    Returns and raises: as rank_models.
    """
    saved = [scores_file.load(path) for path in inputs.files]
    first, weights, judged = saved[0], inputs.weights, {}
    for file in saved:
        file.check_classes(first.classes)
        file.check_length(len(first))
    if rated:
        pairs = rated_pairs.of_files(saved, rated.pattern, job.data, rated.held_out(0.0))
        weights, judged = _judge(inputs, pairs)
    if not job.output_file:
        return {"inputs": len(saved)} | judged
    parts: Iterable[tuple[np.ndarray, np.ndarray, list[np.ndarray]]] = (
        (first.ids[at : at + _SEGMENTS], first.starts[at : at + _SEGMENTS], [])
        for at in range(0, len(first), _SEGMENTS)
    )
    blended = _blended(inputs, weights, parts, saved, first.classes)
    ranking = rank.write_ranking(blended, first.classes, job, max_per_class, f"--inputs: {first.path}")
    return {"inputs": len(saved)} | ranking | judged


def _judge(inputs, pairs):
    weights, value = fit.judge(pairs, inputs.paths, inputs.method, inputs.weights)
    return weights, {"weights": weights.tolist(), "map": value}


def _blended(inputs, weights, parts, saved, classes):
    """Blends the parts of windows.score into parts for rank.write_ranking. Ranks need all segments in one part."""
    count = 0
    for ids, starts, scores in [_all_together(parts)] if inputs.method == "rank" else parts:
        by_files = [file.take(ids, starts, classes) for file in saved]
        yield ids, starts, blend.blend(inputs.in_order(scores, by_files), weights, inputs.method)
        count += len(ids)
    for file in saved:
        file.check_length(count)


def _all_together(parts):
    ids, starts, scores = zip(*parts, strict=True)
    if not ids:
        raise UserError("--input_data_pattern: no segment to score")
    return np.concatenate(ids), np.concatenate(starts), [np.concatenate(member) for member in zip(*scores, strict=True)]
