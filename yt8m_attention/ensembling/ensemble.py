"""From trained models and saved scores to one ranking of the segments of every class.

Letters: N segments, C classes.
"""

from dataclasses import dataclass

import numpy as np

from yt8m_attention.ensembling import blend, fit, members, rated_pairs, scores_file
from yt8m_attention.errors import UserError
from yt8m_attention.inference import rank, scoring, windows

_SEGMENTS = 4096  # of files alone, at once; it bounds memory and never changes a result


@dataclass(frozen=True)
class Inputs:
    """What is blended, in the order in which it was named, and how much each counts.

    Attributes:
      paths: training directories and files of scores.
      is_model: of each path, whether it is a training directory.
      weights: one a path; None: equal, or fitted where there is something to fit them on.
      method: one of blend.METHODS.
    """

    paths: tuple[str, ...]
    is_model: tuple[bool, ...]
    weights: tuple[float, ...] | None = None
    method: str = "mean"

    def __post_init__(self):
        blend.normalised(self.weights, len(self.paths))  # what is wrong with them is said before any long pass

    @property
    def train_dirs(self):
        return [path for path, is_model in zip(self.paths, self.is_model, strict=True) if is_model]

    @property
    def files(self):
        return [path for path, is_model in zip(self.paths, self.is_model, strict=True) if not is_model]

    def in_order(self, of_models, of_files):
        """One list, in the inputs' order, of what there is of each model and of each file."""
        models, saved = iter(of_models), iter(of_files)
        return [next(models) if is_model else next(saved) for is_model in self.is_model]


@dataclass(frozen=True)
class Rated:
    """Rated videos to judge the blend on, and to fit weights on where none are given.

    Attributes:
      pattern: the files.
      held_out: function of the share that the members held out -> the share that alone is used, 0 for all videos.
    """

    pattern: str
    held_out: object


def rank_models(inputs: Inputs, make_job, change_data, max_per_class, rated=None):
    """Blends models, with files of scores or without, scoring them all in one pass over the shards.

    Args:
      inputs: one training directory at least.
      make_job: function of the members' config.Data and their held-out share -> rank.RankingJob; without an output_file
        nothing is ranked.
      change_data: see members.load.
      max_per_class: segments of a class, at most.
      rated: Rated, or None.

    Returns:
      dict of `inputs`; where there is an output_file `segments`, `classes`, `rows`, `segments_per_second` and
      `output_file`; where there is `rated` also `weights` and `map`, that of the blend on these videos.

    Raises:
      UserError: where inputs do not fit together; where weights were to be fitted on what is scored; where a member was
        trained on what the blend is judged on, or on what is scored as held out.
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


def rank_files(inputs: Inputs, job, max_per_class, rated=None):
    """Blends files of scores alone; the job's data says how ratings are read. Returns and errors as rank_models."""
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
    parts = (
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
    """Parts of a ranking, as rank.write_ranking takes them, of windows.score's, a part at a time where that will do."""
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
