"""Gathers what a report shows of a trained model, and writes the page."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass

from yt8m_attention import files, progress
from yt8m_attention.data import pipeline
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
# Videos shown where none are named.
_VIDEOS = 6
# Moments less probable than this would read 0 %.
_LEAST = 0.005


@dataclass(frozen=True)
class ReportJob:
    """What is reported on.

    Attributes:
      train_dir, which: as restore.load.
      pattern: files of features, as own_features.videos takes them. What stands between its commas is scored where it
        is labelled, YouTube-8M's frame-level records then, and only shown where it is not.
      output_file: the page.
      change_data: function of the run's config.Data -> the one to score with.
      held_out: function of the share that training held out -> the share that alone is scored, 0 for all.
      video_ids: videos to show; empty: a few, those that nothing is known of first, then those with a positive rating.
      top: moments of a video.
      limit: score no more than so many videos, and so many segments; None: all.
      video_score_weight: as evaluator.evaluate, of the scores; moments and timelines are segments' own.
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
    video_score_weight: float
    class_name: Callable


def write(job: ReportJob):
    """Writes the page; returns dict of `videos`, `moments`, `seen_in_training` (of what was scored), `output_file`.

    Raises:
      UserError: where model, files or named videos are not there, nothing is rated that a weight could rescore, or the
        page cannot be written.
    """
    trained = restore.load(job.train_dir, job.which)
    data = job.change_data(trained.run.data)
    before = _phase_before(job.train_dir, trained.run)
    share = job.held_out(trained.run.phase.holdout_fraction)
    labelled, others, chosen = _look(job, data, share)
    scored = _score(job, trained, before, data, share, labelled, others)
    timelines = _timelines(job, trained.model, data, chosen)
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
    """The directory of the phase that this one started from, or None where it is no longer there.

    It may have been named from another working directory; then it is looked for beside this one.
    """
    start = run.phase.init_checkpoint
    if not start:
        return None
    if start.endswith(".npz"):
        start = os.path.dirname(os.path.dirname(start))
    beside = os.path.join(os.path.dirname(os.path.abspath(train_dir)), os.path.basename(os.path.normpath(start)))
    return next((place for place in (start, beside) if run_file.exists(place)), None)


def _look(job, data, share):
    """Looks at the first videos of each part of the pattern, to tell labelled files from others, as a user's own.

    Returns:
      (pattern of the labelled files, pattern of the others, the videos to show).

    Raises:
      UserError: where a part has no video, or a named video is not there.
    """
    file_patterns.expand(job.pattern, _FLAG)
    patterns, shown = {True: [], False: []}, {True: [], False: []}
    for part in filter(None, map(str.strip, job.pattern.split(","))):
        videos = shown_videos.first(part, data, _FLAG, share)
        if not videos:
            raise UserError(f"--{_FLAG}={part}: holds no video with frames" + (" that is held out" if share else ""))
        labelled = any(map(shown_videos.known, videos))
        patterns[labelled].append(part)
        shown[labelled] += videos[:_VIDEOS]
    if job.video_ids:
        chosen = shown_videos.named(job.video_ids, job.pattern, data, _FLAG)
    else:  # whoever names a video of their own among labelled ones wants to see it
        chosen = (shown[False] + shown_videos.positive_first(shown[True]))[:_VIDEOS]
    return ",".join(patterns[True]), ",".join(patterns[False]), chosen


def _score(job, trained, before, data, share, labelled, others):
    """The scores.Scored of both phases on the labelled files."""
    if not labelled:
        _check_weight(job.video_score_weight, False)
        logger.info(f"note: nothing in --{_FLAG}={others} is labelled; videos are shown, and nothing is scored")
        return scores.Scored(labelled, others, share, job.limit, 0.0, None, {}, None)
    run = trained.run
    seen = _seen([run] + ([run_file.read(before)] if before else []), labelled, share)
    examples = evaluator.Examples(labelled, data, share, job.limit)
    rated = pipeline.summarise(labelled, data, True, share, bool(share), _FLAG).rated_pairs > 0
    weight = job.video_score_weight
    _check_weight(weight, rated)
    result, earlier = _evaluate(trained.model, examples, run, rated, weight), None
    if rated and before:
        logger.info(f"scoring phase 1, {before}")
        earlier = _evaluate(restore.load(before).model, examples, run, rated, weight)
    return scores.Scored(labelled, others, share, job.limit, weight, seen, result, earlier)


def _seen(runs, pattern, share):
    """Whether one of the runs was trained on these files; None where nobody can tell."""
    known = True
    for run in runs:
        seen = evaluate_checkpoints.seen_in_training(run, pattern, share)
        if seen:
            return True
        known = known and seen is not None
    return False if known else None


def _check_weight(weight, rated):
    if weight and not rated:
        raise UserError(f"--video_score_weight={weight:g}: rescores rated segments, and --{_FLAG} has none; drop it")


def _evaluate(model, examples, run, rated, video_score_weight):
    weights = class_weights(run.model.num_classes, examples.data.segment_classes, run.phase.segment_class_weight)
    scorer = scoring.make_scorer(model)
    return evaluator.evaluate(scorer, examples, weights, rated, video_score_weight=video_score_weight)


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
    best = [moment for moment in best if moment.probability >= _LEAST]
    told = moment_files.describe(video, best, job.class_name, data.frame_seconds)
    return Timeline(video, scored, told, data.segment_size, data.frame_seconds)
