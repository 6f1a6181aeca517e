"""The page: one HTML file with its style and its script inside."""

import html
import math
from importlib import resources

import numpy as np

from yt8m_attention.reports import charts, timeline

_CURVES = {
    "train/loss": "Loss",
    "holdout/segment_map": "MAP of held-out segments",
    "holdout/gap": "GAP of held-out videos",
    "train/gradient_norm": "Gradient norm",
    "train/learning_rate": "Learning rate",
    "train/examples_per_second": "Examples a second",
}
_VIDEO_SCORES = {"gap": "GAP", "map": "MAP", "hit_at_one": "Hit@1", "perr": "PERR", "loss": "Loss"}


def text(trained, scores, scores_before, curves, timelines, class_name):
    """The page's HTML.

    Args:
      trained: restore.Trained.
      scores: what evaluator.evaluate returned, of rated segments too where there are any.
      scores_before: the same of phase 1, or None.
      curves: {phase: {name: [(step, value), ...]}}.
      timelines: timeline.Timeline of each video to show.
      class_name: function of a class id -> its name.
    """
    title = f"{trained.run.model.model}, step {trained.meta['step']:,}"
    videos = "".join(timeline.section(t, number, class_name) for number, t in enumerate(timelines))
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
<nav><a href="#scores">Scores</a> <a href="#curves">Curves</a> <a href="#classes">Classes</a> \
<a href="#videos">Videos</a> <a href="#model">Model</a></nav></header>
<main>
<section id="scores"><h2>Scores</h2>{_scores(scores, scores_before)}</section>
<section id="videos"><h2>Videos</h2>
<p>Time runs across, classes down; the stronger the colour, the more probable that the segment around this second shows
the class. A bar below a row is a segment that people rated: <i class="yes"></i> shows it, <i class="no"></i> does not.
Under the classes, where each attention head looks in the whole video, each on its own scale. Choose a moment, or move
through the seconds with the arrow keys.</p>{videos}</section>
<section id="curves"><h2>Learning curves</h2><div class="figures">{figures or "<p>No event files.</p>"}</div></section>
<section id="classes"><h2>Average precision by class</h2>{_classes(scores.get("per_class"), scores_before, class_name)}\
</section>
<section id="model"><h2>Model</h2>{_model(trained)}</section>
</main>
<script>{_asset("report.js")}</script>
</body>
</html>
"""


def _asset(name):
    return resources.files(__package__).joinpath("assets", name).read_text("utf-8")


def _number(value):
    return "&ndash;" if value is None or not math.isfinite(value) else f"{value:.3f}"


def _scores(scores, before):
    parts = ""
    if "segment_map" in scores:
        rows = [
            ("this model", scores["segment_map"]),
            ("the same after phase 1 alone", before["segment_map"] if before else None),
            ("each video's own score, given to all its segments", scores["copied_video_score_map"]),
            ("chance", scores["chance"]),
        ]
        bars = "".join(
            f'<tr><th scope="row">{name}</th><td>{_number(value)}</td><td class="bar">{_bar(value)}</td></tr>'
            for name, value in rows
        )
        beats = scores["segment_map"] > scores["copied_video_score_map"]
        verdict = "beats" if beats else "does <strong>not</strong> beat"
        parts += f"""<h3>When: MAP of {scores["rated_pairs"]:,} rated pairs of segment and class</h3>
<table class="bars">{bars}</table>
<p>Mean over {scores["classes"]:,} classes. It {verdict} the copied score: a model that does not locates nothing.</p>"""
    cells = "".join(
        f"<div><dt>{shown}</dt><dd>{_number(scores.get(name))}</dd></div>" for name, shown in _VIDEO_SCORES.items()
    )
    return f'{parts}<h3>What: {scores["videos"]:,} whole videos</h3><dl class="tiles">{cells}</dl>'


def _bar(value):
    share = 0 if value is None or not math.isfinite(value) else value
    return f'<span style="width:{share:.1%}"></span>'


def _classes(per_class, before, class_name):
    if not per_class:
        return "<p>No rated segments in these files.</p>"
    earlier = (before or {}).get("per_class", {})
    rows = "".join(
        f'<tr><th scope="row">{html.escape(class_name(c))}</th><td>{precision:.3f}</td>'
        f'<td class="bar">{_bar(precision)}</td><td>{_number(earlier[c][0]) if c in earlier else "&ndash;"}</td>'
        f"<td>{positives:,}</td><td>{rated:,}</td></tr>"
        for c, (precision, positives, rated) in sorted(per_class.items(), key=lambda item: (-item[1][0], item[0]))
    )
    return f"""<label>Find a class <input type="search" id="find"></label>
<div class="scroll" tabindex="0" role="region" aria-label="Average precision by class">
<table id="by-class" class="bars"><thead><tr><th scope="col">class</th><th scope="col">AP</th><td></td>\
<th scope="col">phase 1</th><th scope="col">positive</th><th scope="col">rated</th></tr></thead>
<tbody>{rows}</tbody></table></div>"""


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
