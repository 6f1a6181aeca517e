"""What was scored and how well, as HTML: the page's first section."""

import html
import math
from dataclasses import dataclass

_VIDEO_SCORES = {"gap": "GAP", "map": "MAP", "hit_at_one": "Hit@1", "perr": "PERR", "loss": "Loss"}


@dataclass(frozen=True)
class Scored:
    """What was scored.

    Attributes:
      pattern: the files, "" for none.
      only_shown: files that nothing is known of, so that they cannot be scored; "" for none.
      held_out: the share of the videos that alone was scored; 0: all.
      limit: of videos, and of segments; None: none.
      video_score_weight: how much a segment's score owes to its video's; 0: nothing.
      seen: whether the model was trained on these files; None: nobody can tell.
      scores: what evaluator.evaluate returned, of rated segments too where there are any; empty without files.
      before: the same of phase 1, or None.
    """

    pattern: str
    only_shown: str
    held_out: float
    limit: int | None
    video_score_weight: float
    seen: bool | None
    scores: dict
    before: dict | None


def section(scored):
    """The part of the page.

    Args:
      scored: Scored.
    """
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
    told = ""
    if scored.pattern:
        which = "all videos"
        if scored.held_out:
            share = f"{100 * scored.held_out:.3g}%"
            which = f"the {share} of the videos that training held out (<code>--only_holdout</code>)"
        if scored.limit:
            which += (
                f", of these the first {scored.limit:,}, and the first {scored.limit:,} rated segments "
                "(<code>--num_examples</code>)"
            )
        told = f"<p>Scored: <code>{html.escape(scored.pattern)}</code>, {which}.</p>"
    if scored.only_shown:
        told += (
            f"<p>Shown without scores, as nothing there is labelled: <code>{html.escape(scored.only_shown)}</code>.</p>"
        )
    return told


def _warning(scored):
    if scored.seen:
        return """<p class="warning"><strong>The model was trained on these files.</strong> The scores say nothing \
about new videos. Name files that it was not trained on, or give <code>--only_holdout</code> where a share of the \
videos was held out.</p>"""
    if scored.seen is None:
        return """<p class="warning">Whether the model was trained on these files cannot be told: the files that it \
was trained on are no longer where they were.</p>"""
    return ""


def _when(scored):
    scores, before = scored.scores, scored.before
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
    return f"""<h3>When: MAP of {scores["rated_pairs"]:,} rated pairs of segment and class</h3>
<table class="bars">{bars}</table>
<p>Mean over {scores["classes"]:,} classes. It {verdict} the copied score: a model that does not locates nothing.</p>"""


def _ranked_by(weight):
    if not weight:
        return ""
    return f"""<p>Segments are ranked by p<sub>segment</sub><sup>{1 - weight:g}</sup> &middot; \
p<sub>video</sub><sup>{weight:g}</sup> (<code>--video_score_weight</code>); moments are found without it.</p>"""


def _videos(scores):
    title = f"<h3>What: {scores['videos']:,} whole videos</h3>"
    if not scores["precision_recall"]["videos"]["true_positives"][0]:
        return f"{title}<p>None of them is labelled as a whole, so there is nothing to score.</p>"
    cells = "".join(
        f"<div><dt>{shown}</dt><dd>{_number(scores[name])}</dd></div>" for name, shown in _VIDEO_SCORES.items()
    )
    return f'{title}<dl class="tiles">{cells}</dl>'


def by_class(scored, class_name):
    """The table of average precision by class.

    Args:
      scored: Scored.
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
