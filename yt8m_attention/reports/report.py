"""Gathers what a report shows of a trained model, and writes the page."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from yt8m_attention import files, progress
from yt8m_attention.data import own_features, pipeline
from yt8m_attention.data.bad_records import BadRecords
from yt8m_attention.errors import UserError
from yt8m_attention.evaluation import evaluator
from yt8m_attention.inference import moment_files, scoring, timeline
from yt8m_attention.losses.weighted_cross_entropy import class_weights
from yt8m_attention.reports import page
from yt8m_attention.reports.timeline import Timeline
from yt8m_attention.training import restore, run_file, summaries

# Videos shown where none are named.
_VIDEOS = 6
# Moments less probable than this would read 0 %.
_LEAST = 0.005


@dataclass(frozen=True)
class Job:
    """What is reported on.

    Attributes:
      train_dir, which: as restore.load.
      pattern: frame-level files, scored where they are labelled and shown.
      output_file: the page.
      change_data: function of the run's config.Data -> the one to score with.
      held_out: function of the share that training held out -> the share that alone is scored, 0 for all.
      video_ids: videos to show; empty: a few, those with a positive rating first.
      top: moments of a video.
      limit: score no more than so many videos, and so many segments; None: all.
      frame_seconds: how far apart frames are.
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
    frame_seconds: float
    class_name: Callable


def write(job: Job):
    """Writes the page; returns dict of `videos`, `moments`, `output_file`.

    Raises:
      UserError: where model, files or named videos are not there, or the page cannot be written.
    """
    trained = restore.load(job.train_dir, job.which)
    data = job.change_data(trained.run.data)
    before = _phase_before(job.train_dir, trained.run)
    chosen = _choose(job, data)
    score = scoring.make_scorer(trained.model)
    examples = evaluator.Examples(job.pattern, data, job.held_out(trained.run.phase.holdout_fraction), job.limit)
    rated = pipeline.summarise(job.pattern, data, True, flag="input_data_pattern").rated_pairs > 0
    scores = _evaluate(score, examples, trained.run, rated)
    scores_before = None
    if rated and before:
        progress.say(f"scoring phase 1, {before}")
        scores_before = _evaluate(scoring.make_scorer(restore.load(before).model), examples, trained.run, rated)
    by_second = timeline.VideoScorer(trained.model, data.segment_size)
    timelines = [_timeline(job, by_second, data, video) for video in chosen]
    curves = {"phase 1": summaries.read_scalars(before)} if before else {}
    curves["phase 2" if trained.run.phase.segment_labels else "phase 1"] = summaries.read_scalars(job.train_dir)
    text = page.text(trained, scores, scores_before, curves, timelines, job.class_name)
    with files.replacing(job.output_file, "w") as file:
        file.write(text)
    moments = sum(len(timeline.moments) for timeline in timelines)
    return {"videos": len(timelines), "moments": moments, "output_file": job.output_file}


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


def _evaluate(score, examples, run, rated):
    weights = class_weights(run.model.num_classes, examples.data.segment_classes, run.phase.segment_class_weight)
    return evaluator.evaluate(score, examples, weights, rated)


def _choose(job, data):
    """The videos to show.

    Raises:
      UserError: for a named one that is not there.
    """
    bad_records = BadRecords(data.max_bad_records)
    videos = own_features.videos(job.pattern, data.features, "input_data_pattern", bad_records)
    if job.video_ids:
        found = {video.id: video for video in videos if video.id in job.video_ids}
        missing = [name for name in job.video_ids if name not in found]
        if missing:
            raise UserError(f"--video_ids: {', '.join(missing)} not in --input_data_pattern={job.pattern}")
        return [found[name] for name in job.video_ids]
    rated, others = [], []
    for video in videos:
        positive = any(score > 0 for _, _, score in video.ratings)
        (rated if positive else others).append(video)
        del others[_VIDEOS:]
        if len(rated) == _VIDEOS:
            break
    return (rated + others)[:_VIDEOS]


def _timeline(job, score, data, video):
    scored = score(video.frames)
    best = timeline.best_moments(scored.windows, len(video.frames), data, job.top)
    best = [moment for moment in best if moment.probability >= _LEAST]
    told = moment_files.describe(video, best, job.class_name, job.frame_seconds)
    return Timeline(video, scored, told, data.segment_size, job.frame_seconds)
