"""Collects the scores, curves and timelines of a trained model, and writes the page of the report."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from yt8m_attention import files, progress
from yt8m_attention.config import Scoring
from yt8m_attention.data import pipeline, user_features
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.errors import UserError
from yt8m_attention.evaluation import evaluate_checkpoints, evaluator, shown_videos
from yt8m_attention.inference import scoring
from yt8m_attention.localization import moment_files, video_scorer
from yt8m_attention.losses.weighted_cross_entropy import class_weights
from yt8m_attention.reports import page, scores
from yt8m_attention.reports.timeline import Timeline
from yt8m_attention.runs import restore, run_file, summaries

logger = logging.getLogger(__name__)

_FLAG = "input_data_pattern"
# Number of videos to show if none are named.
_VIDEOS = 6
# Less probable moments would be shown as 0%.
_MIN_PROBABILITY = 0.005


@dataclass(frozen=True)
class ReportJob:
    """Input and options of a report.

    Attributes:
      train_dir, which: as restore.load.
      pattern: comma-separated patterns of feature files, in the form of user_features.videos. Labelled files
        (frame-level records of YouTube-8M) are scored; videos of other files are only shown.
      output_file: the page.
      change_data: function of the run's config.Data -> the config.Data to score with.
      held_out: function of the share that training held out -> the share to score, 0 for all videos.
      video_ids: videos to show; empty: a few, first unlabelled videos, then videos with a positive rating.
      top: number of moments per video.
      limit: maximum number of videos, and also of segments, to score; None: all.
      scoring: as evaluator.evaluate. It changes the scores, not the moments and timelines.
      class_name: function of a class id -> its name.
    """

    train_dir: str
    which: str
    pattern: str
    output_file: str
    change_data: Callable
    held_out: Callable
    video_ids: tuple[str, ...]
    top: int
    limit: int | None
    scoring: Scoring
    class_name: Callable


def write(job: ReportJob) -> dict[str, Any]:
    """Writes the page.

    Returns:
      dict of `videos` and `moments` (their numbers), `seen_in_training` (of the scored videos), `output_file`.

    Raises:
      UserError: if the model, files or named videos do not exist, a video score weight has no rated segment to rescore,
        or the page cannot be written.
    """
    trained = restore.load(job.train_dir, job.which)
    data = job.change_data(trained.run.data)
    before = _phase_before(job.train_dir, trained.run)
    share = job.held_out(trained.run.phase.holdout_fraction)
    labelled, others, videos = _select_videos(job, data, share)
    scored = _score(job, trained, before, data, share, labelled, others)
    timelines = _timelines(job, trained.model, data, videos)
    curves = {"phase 1": summaries.read_scalars(before)} if before else {}
    curves["phase 2" if trained.run.phase.segment_labels else "phase 1"] = summaries.read_scalars(job.train_dir)
    text = page.text(trained, scored, curves, timelines, data.segment_classes, job.class_name)
    with files.replacing(job.output_file, "w") as file:
        file.write(text)
    return {
        "videos": len(timelines),
        "moments": sum(len(timeline.moments) for timeline in timelines),
        "seen_in_training": scored.seen,
        "output_file": job.output_file,
    }


def _phase_before(train_dir, run):
    """Returns the directory of the phase that this run started from, or None if it does not exist any more.

    Its relative path can belong to another working directory. So it is also searched for beside this run.
    """
    start = run.phase.init_checkpoint
    if not start:
        return None
    if start.endswith(".npz"):
        start = os.path.dirname(os.path.dirname(start))
    beside = os.path.join(os.path.dirname(os.path.abspath(train_dir)), os.path.basename(os.path.normpath(start)))
    return next((place for place in (start, beside) if run_file.exists(place)), None)


def _select_videos(job, data, share):
    """Reads the first videos of each part of the pattern, and separates labelled files from others.

    Returns:
      (pattern of the labelled files, pattern of the others, the videos to show).

    Raises:
      UserError: if a part has no video, or a named video does not exist.
    """
    file_patterns.expand(job.pattern, _FLAG)
    patterns: dict[bool, list[str]] = {True: [], False: []}
    shown: dict[bool, list[user_features.Video]] = {True: [], False: []}
    for part in filter(None, map(str.strip, job.pattern.split(","))):
        videos = shown_videos.first(part, data, _FLAG, share)
        if not videos:
            raise UserError(f"--{_FLAG}={part}: holds no video with frames" + (" that is held out" if share else ""))
        labelled = any(map(shown_videos.known, videos))
        patterns[labelled].append(part)
        shown[labelled] += videos[:_VIDEOS]
    if job.video_ids:
        chosen = shown_videos.named(job.video_ids, job.pattern, data, _FLAG)
    else:  # users want to see their own videos first
        chosen = (shown[False] + shown_videos.positive_first(shown[True]))[:_VIDEOS]
    return ",".join(patterns[True]), ",".join(patterns[False]), chosen


def _score(job, trained, before, data, share, labelled, others):
    """Scores both phases on the labelled files."""
    if not labelled:
        _check_weight(job.scoring.video_score_weight, False)
        logger.info(f"note: --{_FLAG}={others} has no labelled videos; videos are shown without scores")
        return scores.Scored(labelled, others, share, job.limit, 0.0, None, {}, None)
    run = trained.run
    seen = _seen([run] + ([run_file.read(before)] if before else []), labelled, share)
    examples = evaluator.Examples(labelled, data, share, job.limit)
    rated = pipeline.summarise(labelled, data, True, share, bool(share), _FLAG).rated_pairs > 0
    weight = job.scoring.video_score_weight
    _check_weight(weight, rated)
    result, earlier = _evaluate(trained.model, examples, run, rated, job.scoring), None
    if rated and before:
        logger.info(f"scoring phase 1, {before}")
        earlier = _evaluate(restore.load(before).model, examples, run, rated, job.scoring)
    return scores.Scored(labelled, others, share, job.limit, weight, seen, result, earlier)


def _seen(runs, pattern, share):
    """Returns whether one of the runs was trained on these files; None if unknown."""
    known = True
    for run in runs:
        seen = evaluate_checkpoints.seen_in_training(run, pattern, share)
        if seen:
            return True
        known = known and seen is not None
    return False if known else None


def _check_weight(weight, rated):
    if weight and not rated:
        raise UserError(f"--video_score_weight={weight:g}: rescores rated segments, but --{_FLAG} has none; remove it")


def _evaluate(model, examples, run, rated, config):
    weights = class_weights(run.model.num_classes, examples.data.segment_classes, run.phase.segment_class_weight)
    scorer = scoring.make_scorer(model)
    return evaluator.evaluate(scorer, examples, weights, rated, scoring=config)


def _timelines(job, model, data, videos):
    score, shown = video_scorer.VideoScorer(model, data.segment_size), progress.Progress("videos shown", len(videos))
    timelines = []
    for video in videos:
        timelines.append(_timeline(job, score, data, video))
        shown.add(1)
    shown.close()
    return timelines


def _timeline(job, score, data, video):
    scored = score(video.frames)
    best = video_scorer.best_moments(scored.windows, len(video.frames), data, job.top)
    best = [moment for moment in best if moment.probability >= _MIN_PROBABILITY]
    moments = moment_files.describe(video, best, job.class_name, data.frame_seconds)
    return Timeline(video, scored, moments, data.segment_size, data.frame_seconds)
