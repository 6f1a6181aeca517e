"""Writes the page: one HTML file that includes its style and script."""

import html
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import resources

import numpy as np

from yt8m_attention.reports import charts, scores, timeline
from yt8m_attention.runs import restore

_CURVES = {
    "train/loss": "Loss",
    "holdout/segment_map": "MAP of held-out segments",
    "holdout/gap": "GAP of held-out videos",
    "train/gradient_norm": "Gradient norm",
    "train/learning_rate": "Learning rate",
    "train/examples_per_second": "Examples per second",
}


def text(trained: restore.Trained, scored: scores.Scored,
         curves: Mapping[str, Mapping[str, Sequence[tuple[int, float]]]], timelines: Sequence[timeline.Timeline],
         eligible: Collection[int] | None, class_name: Callable[[int], str]) -> str:  # fmt: skip
    """Returns the HTML of the page.

    Args:
      trained: the model.
      scored: its scores.
      curves: {phase: {name: [(step, value), ...]}}.
      timelines: one per video to show.
      eligible: ids of the classes that moments are searched for; None: all classes.
      class_name: function of a class id -> its name.
    """
    title = f"{trained.run.model.model}, step {trained.meta['step']:,}"
    figures = "".join(
        charts.chart(shown, {phase: found.get(name, []) for phase, found in curves.items()})
        for name, shown in _CURVES.items()
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" \
content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{html.escape(title)}</title>
<style>{_asset("report.css")}</style>
</head>
<body>
<header><h1>{html.escape(title)}</h1>
<nav><a href="#scores">Scores</a> <a href="#videos">Videos</a> <a href="#curves">Curves</a> \
<a href="#classes">Classes</a> <a href="#model">Model</a></nav></header>
<main>
<section id="scores"><h2>Scores</h2>{scores.section(scored)}</section>
<section id="videos"><h2>Videos</h2>{_videos(timelines, eligible, class_name)}</section>
<section id="curves"><h2>Learning curves</h2><div class="figures">{figures or "<p>No event files.</p>"}</div></section>
<section id="classes"><h2>Average precision by class</h2>{scores.by_class(scored, class_name)}</section>
<section id="model"><h2>Model</h2>{_model(trained)}</section>
</main>
<script>{_asset("report.js")}</script>
</body>
</html>
"""


def _asset(name):
    return resources.files(__package__).joinpath("assets", name).read_text("utf-8")


def _videos(timelines, eligible, class_name):
    sections = "".join(timeline.section(t, number, eligible, class_name) for number, t in enumerate(timelines))
    return f"""
<p>Time runs from left to right, and each row is a class. A stronger colour means a higher probability that the segment
around this second shows the class. A bar below a row is a rated segment: <i class="yes"></i> shows the class,
<i class="no"></i> does not. The rows under the classes show the attention of each head, each on its own scale. Choose a
moment, or move through the seconds with the arrow keys. <code>--video_ids</code> names the videos to show.</p>
<p>The percentage of a moment is the probability of its best segment. The best moment comes first. Moments are ordered
by the product of this probability and the square root of the mean of the class's ten best segments in the video: a
class in several segments is more reliable than a class in one segment.</p>
{_eligible(eligible, class_name)}{sections}"""


def _eligible(eligible, class_name):
    if eligible is None:
        return "<p>Moments of all classes are searched for.</p>"
    names = ", ".join(sorted(html.escape(class_name(c)) for c in eligible))
    return f"""<details><summary>Moments are searched for only among the {len(eligible):,} classes that segments are \
rated for, not for other classes (†)</summary><p>{names}</p></details>"""


def _model(trained):
    run = trained.run
    stream = ", ".join(f"{n} ({s})" for n, s in zip(run.model.features.names, run.model.features.sizes, strict=True))
    parameters = sum(int(np.prod(weight.shape)) for weight in trained.model.trainable_weights)
    facts = {
        "network": run.model.model,
        "heads": run.model.num_heads,
        "attention": run.model.attention_normalizer,
        "classifier": run.model.video_level_classifier_model,
        "parameters": f"{parameters:,}",
        "features of a frame": stream,
        "classes": f"{run.model.num_classes:,}, {len(run.data.segment_classes or ()):,} of them rated in segments",
        "trained on": f"{'rated segments of' if run.phase.segment_labels else 'labels of'} {run.train_data_pattern}",
        "started from": run.phase.init_checkpoint or "nothing",
        "checkpoint": trained.path,
    }
    rows = "".join(f'<tr><th scope="row">{n}</th><td>{html.escape(str(v))}</td></tr>' for n, v in facts.items())
    return f'<div class="scroll" tabindex="0" role="region" aria-label="Model"><table>{rows}</table></div>'
