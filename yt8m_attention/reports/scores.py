"""Writes the first section of the page: the scored files and their scores, as HTML."""

import html
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_VIDEO_SCORES = {"gap": "GAP", "map": "MAP", "hit_at_one": "Hit@1", "perr": "PERR", "loss": "Loss"}


@dataclass(frozen=True)
class Scored:
    """The scored files and their scores.

    Attributes:
      pattern: the scored files, "" for none.
      only_shown: files without labels, which are not scored; "" for none.
      held_out: the held-out share of the videos that was scored; 0: all videos.
      limit: maximum number of videos, and also of segments; None: all.
      video_score_weight: weight of the video's score in a segment's score; 0: none.
      seen: whether the model was trained on these files; None: unknown.
      scores: result of evaluator.evaluate, with segments if any are rated; empty without scored files.
      before: the same for phase 1, or None.
    """

    pattern: str
    only_shown: str
    held_out: float
    limit: int | None
    video_score_weight: float
    seen: bool | None
    scores: dict[str, Any]
    before: dict[str, Any] | None


def section(scored: Scored) -> str:
    """Returns the HTML of the section."""
    parts = [_what(scored)]
    if scored.pattern:
        parts.append(_warning(scored))
    if "segment_map" in scored.scores:
        parts.append(_when(scored))
        parts.append(_ranked_by(scored.video_score_weight))
    if scored.pattern:
        parts.append(_videos(scored.scores))
    return "".join(parts)


def _what(scored):
    text = ""
    if scored.pattern:
        which = "all videos"
        if scored.held_out:
            share = f"{100 * scored.held_out:.3g}%"
            which = f"the {share} of the videos that training held out (<code>--only_holdout</code>)"
        if scored.limit:
            which += (
                f", limited to the first {scored.limit:,} videos and the first {scored.limit:,} rated segments "
                "(<code>--num_examples</code>)"
            )
        text = f"<p>Scored: <code>{html.escape(scored.pattern)}</code>, {which}.</p>"
    if scored.only_shown:
        text += f"<p>Shown without scores, as nothing is labelled: <code>{html.escape(scored.only_shown)}</code>.</p>"
    return text


def _warning(scored):
    if scored.seen:
        return """<p class="warning"><strong>The model was trained on these files.</strong> The scores say nothing \
about new videos. Name other files, or give <code>--only_holdout</code> if training held out videos.</p>"""
    if scored.seen is None:
        return """<p class="warning">It is unknown whether the model was trained on these files: its training files \
cannot be found.</p>"""
    return ""


def _when(scored):
    scores, before = scored.scores, scored.before
    rows = [
        ("this model", scores["segment_map"]),
        ("the same model after phase 1", before["segment_map"] if before else None),
        ("each segment with the score of its video", scores["copied_video_score_map"]),
        ("chance", scores["chance"]),
    ]
    bars = "".join(
        f'<tr><th scope="row">{name}</th><td>{_number(value)}</td><td class="bar">{_bar(value)}</td></tr>'
        for name, value in rows
    )
    beats = scores["segment_map"] > scores["copied_video_score_map"]
    verdict = "beats" if beats else "does <strong>not</strong> beat"
    return f"""<h3>When: MAP of {scores["rated_pairs"]:,} rated pairs of segment and class</h3>
<table class="bars">{bars}</table>
<p>Mean over {scores["classes"]:,} classes. The model {verdict} the copied video score; a model \
that does not beat it locates nothing.</p>"""


def _ranked_by(weight):
    if not weight:
        return ""
    return f"""<p>Segments are ranked by p<sub>segment</sub><sup>{1 - weight:g}</sup> &middot; \
p<sub>video</sub><sup>{weight:g}</sup> (<code>--video_score_weight</code>); moments do not use it.</p>"""


def _videos(scores):
    title = f"<h3>What: {scores['videos']:,} whole videos</h3>"
    if not scores["precision_recall"]["videos"]["true_positives"][0]:
        return f"{title}<p>No video has labels of the whole video, so there is nothing to score.</p>"
    cells = "".join(
        f"<div><dt>{shown}</dt><dd>{_number(scores[name])}</dd></div>" for name, shown in _VIDEO_SCORES.items()
    )
    return f'{title}<dl class="tiles">{cells}</dl>'


def by_class(scored: Scored, class_name: Callable[[int], str]) -> str:
    """Returns the table of average precision by class, as HTML.

    Args:
      scored: the scores.
      class_name: function of a class id -> its name.
    """
    per_class = scored.scores.get("per_class")
    if not per_class:
        return "<p>No rated segments in these files.</p>"
    earlier = (scored.before or {}).get("per_class", {})
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


def _number(value):
    return "&ndash;" if value is None or not math.isfinite(value) else f"{value:.3f}"


def _bar(value):
    share = 0 if value is None or not math.isfinite(value) else value
    return f'<span style="width:{share:.1%}"></span>'
