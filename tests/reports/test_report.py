"""The page is complete, self-contained and well-formed, and shows the right values."""

import dataclasses
import html
import json
import re
from html.parser import HTMLParser

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from tests import commands
from tests.reports.conftest import NASTY
from yt8m_attention.data import holdout
from yt8m_attention.data.user_features import Video
from yt8m_attention.localization import moment_files
from yt8m_attention.localization.moments import Moment
from yt8m_attention.localization.video_scorer import Scored
from yt8m_attention.reports import charts, scores, timeline

_VOID = {"meta", "link", "img", "br", "hr", "input"}


class Outline(HTMLParser):
    """Checks that elements are closed in order, and collects the elements."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def a_timeline(video_id="dQw4w9WgXcQ", begin=0.0):
    frames, windows = np.zeros((8, 2), np.uint8), np.zeros((4, 3))
    windows[2, 1] = 0.9
    video = Video(video_id, frames, (), ((0, 1, 1.0), (3, 1, 0.0), (3, 0, 0.0)), begin)
    described = moment_files.describe(video, [Moment(1, 2, 7, 0.9)], lambda c: f"{NASTY}{c}", 1.0)
    return timeline.Timeline(video, Scored(windows, np.eye(8)[:, :2]), described, 5, 1.0)


def test_the_command_returns_its_counts(written):
    path, result = written
    text = path.read_text("utf-8")
    moments = text.count("data-class=")
    assert result == {"videos": 6, "moments": moments, "seen_in_training": False, "output_file": str(path)}
    assert result["moments"] > 6


def test_the_page_is_complete_and_loads_nothing(written):
    text = written[0].read_text("utf-8")
    page = Outline(text)
    assert not [t for t, a in page.seen if "src" in a or t in ("link", "iframe", "object", "img")]
    assert all(a["href"].startswith("#") for t, a in page.seen if t == "a")  # planted ids are not YouTube ids
    style = re.search("<style>(.*?)</style>", text, re.S)[1]
    assert "url(" not in style and "@import" not in style
    ids = [a["id"] for _, a in page.seen if "id" in a]
    assert len(ids) == len(set(ids))
    for _, a in page.seen:
        for name in ("for", "aria-describedby", "aria-labelledby"):
            assert a.get(name, ids[0]) in ids


@pytest.mark.parametrize("weight", [0, 0.5])
def test_scores_are_shown_beside_their_baselines(written, two_phases, planted, tmp_path, weight):
    text = written[0].read_text("utf-8")
    rescore = f"--video_score_weight={weight}"
    if weight:
        text = report(two_phases, f"{planted}/test/*.tfrecord", tmp_path / "r.html", rescore)[1]
    Outline(text)
    assert ("p<sub>video</sub><sup>0.5</sup>" in text) == bool(weight)
    flags = [f"--eval_data_pattern={planted}/test/*.tfrecord", "--segment_labels", rescore]
    two, one = (commands.succeed("eval", f"--train_dir={two_phases / p}", *flags) for p in ("phase2", "phase1"))
    shown = re.findall(r'<th scope="row">([^<]*)</th><td>([\d.]+)</td><td class="bar">', text)[:4]
    values = (two["segment_map"], one["segment_map"], two["copied_video_score_map"], two["chance"])
    assert [value for _, value in shown] == [f"{value:.3f}" for value in values]


def test_names_are_escaped(written):
    text = written[0].read_text("utf-8")
    assert NASTY not in text and html.escape(NASTY) in text


def test_a_section_of_a_youtube_video():
    text = timeline.section(a_timeline(), 0, None, lambda c: f"{NASTY}{c}")
    page = Outline(text)
    (link,) = [a["href"] for t, a in page.seen if t == "a"]
    assert link == "https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=2s"
    data = json.loads(re.search('<script type="application/json">(.*?)</script>', text, re.S)[1])
    assert data["names"] == [f"{NASTY}1"]
    assert data["values"] == [[0, 0, 0, 0, 90, 0, 0, 0]]  # the window that starts at 2, at its middle
    assert np.shape(data["heads"]) == (2, 8)
    assert [a["class"] for t, a in page.seen if t == "rect"] == ["yes", "no"]  # only ratings of the class of the row


def test_a_clip_is_linked_to_its_position_in_the_video():
    text = timeline.section(a_timeline(begin=140.0), 0, None, str)
    assert "&amp;t=142s" in text
    assert "0:08 min, starting at 2:20 of its video" in text
    assert "of its video" not in timeline.section(a_timeline(), 0, None, str)


def test_another_name_of_eleven_letters_gets_no_link():
    assert "<a " not in timeline.section(a_timeline("holiday_001"), 0, None, str)


def test_positive_classes_are_always_shown_and_moments_keep_their_order():
    moments = [Moment(c, 2, 7, 0.9) for c in range(30, 10, -1)]
    ratings = ((0, 12, 1.0), (0, 29, 0.0), *((0, c, 1.0) for c in range(3)))
    video = Video("v", np.zeros((8, 2), np.uint8), (), ratings)
    described = moment_files.describe(video, moments, str, 1.0)
    shown = dataclasses.replace(a_timeline(), described=described, video=video)
    assert shown.classes() == [30, 29, 28, 27, 26, 25, 12, 0, 1, 2]
    many = tuple((0, c, 1.0) for c in range(14))
    shown = dataclasses.replace(shown, video=dataclasses.replace(shown.video, ratings=many))
    assert sorted(shown.classes()) == list(range(14))


def test_a_class_without_a_search_for_moments_is_marked():
    assert "1 †" not in timeline.section(a_timeline(), 0, (0, 1), str)
    assert "<span>1 †</span>" in timeline.section(a_timeline(), 0, (0, 2), str)


def test_a_video_without_moments_has_a_note():
    shown = a_timeline()
    described = moment_files.describe(shown.video, [], str, 1.0)
    text = timeline.section(dataclasses.replace(shown, described=described), 0, None, str)
    Outline(text)
    assert "all probabilities are near 0" in text


def test_the_page_explains_the_classes_and_the_order_of_moments(written):
    text = written[0].read_text("utf-8")
    summary, names = re.search("<summary>(.*?)</summary><p>(.*?)</p>", text, re.S).groups()
    assert "the 4 classes that segments are rated for" in summary
    assert names.count(html.escape(NASTY)) == 4
    assert "The best moment comes first" in text and text.count("<h4>Best moments</h4>") == 6


def test_the_axis_shows_the_time():
    text = timeline.section(a_timeline(), 0, None, str)
    assert re.search('class="axis".*?</div>', text)[0].count("<span>") == 5 and "<span>0:08</span>" in text


@pytest.mark.parametrize("video_id", ["abcd", "<b>&'\"x", "dQw4w9WgXc/"])
def test_other_ids_get_no_link_and_are_escaped(video_id):
    text = timeline.section(a_timeline(video_id), 0, None, str)
    assert "<a " not in text and f">{html.escape(video_id)} <" in text
    Outline(text)


def test_a_network_without_attention_has_no_heads():
    bare = a_timeline()
    bare = dataclasses.replace(bare, scored=dataclasses.replace(bare.scored, attention=None))
    text = timeline.section(bare, 0, None, str)
    Outline(text)
    assert "head 1" not in text


def test_shades_cover_probable_frames():
    rows = np.array([[0.0, 1.0, 1.0, 0.52, 0.02]])
    paths = dict(re.findall(r'<path fill-opacity="([\d.]+)" d="([^"]*)"', timeline._svg(rows)))
    assert paths == {"1": "M1 0h2v1h-2z", "0.5": "M3 0h1v1h-1z"}


def heights(text):
    return [[float(p.split(",")[1]) for p in points.split()] for points in re.findall('points="([^"]*)"', text)]


def ticks(text):
    return re.findall(r'text-anchor="end">([^<]*)</text>', text)[:-1]  # the last label is a step


def test_charts_have_one_colour_per_phase_and_accept_odd_values():
    assert charts.chart("x", {"phase 1": [], "phase 2": [(1, float("nan"))]}) == ""
    text = charts.chart("<loss>", {"phase 1": [], "phase 2": [(0, 1.0), (5, 1.0), (9, float("inf"))]})
    Outline(text)
    assert "curve1" in text and "curve0" not in text and "nan" not in text and "inf" not in text
    many = charts.chart("x", {"a": [(s, s % 7) for s in range(5001)]})
    points = re.search('points="([^"]*)"', many)[1].split()
    assert len(points) <= 402 and points[-1].startswith("312")


def test_a_loss_over_orders_of_magnitude_has_a_logarithmic_axis():
    text = charts.chart("Loss", {"phase 1": [(1, 1000.0), (2, 10.0), (3, 0.1)]})
    assert "<figcaption>Loss, logarithmic axis</figcaption>" in text
    ((first, second, third),) = heights(text)
    assert second - first == pytest.approx(third - second, abs=0.2)  # equal factors, equal steps
    assert ticks(text) == ["0.1", "1", "10", "100", "1,000"]
    plain = charts.chart("Loss", {"phase 1": [(1, 1000.0), (2, 10.0), (3, -0.1)]})
    assert "logarithmic" not in plain


@hypothesis.given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_an_axis_has_a_few_round_ticks_within_its_values(low, width):
    high = low + width
    hypothesis.assume(high - low > 1e-9 * abs(low))
    found = charts._round(low, high)
    assert 3 <= len(found) <= 7 and min(found) >= low - 1e-9 * width and max(found) <= high + 1e-9 * width


@hypothesis.given(st.floats(1e-12, 1e6), st.floats(charts._LOG_RATIO, 1e12))
def test_a_logarithmic_axis_has_a_few_round_ticks_within_its_values(low, factor):
    found = charts._decades(low, low * factor)
    assert 3 <= len(found) <= 6 and min(found) >= low and max(found) <= low * factor


def test_a_short_phase_has_a_minimum_width():
    one, two = [(s, 1.0) for s in range(0, 60001, 1000)], [(60010, 2.0), (60200, 3.0)]
    text = charts.chart("x", {"phase 1": one, "phase 2": two})
    across = [[float(p.split(",")[0]) for p in part.split()] for part in re.findall('points="([^"]*)"', text)]
    assert across[0][-1] <= across[1][0] and across[1][-1] - across[1][0] > 80
    assert "60,010" in text and "60,200" in text
    over = charts.chart("x", {"a": [(0, 1.0), (10, 2.0)], "b": [(5, 1.0), (10, 2.0)]})  # on one scale
    across = [[float(p.split(",")[0]) for p in part.split()] for part in re.findall('points="([^"]*)"', over)]
    assert across[0][1] == across[1][1] and across[1][0] == pytest.approx(sum(across[0]) / 2, abs=0.2)


def report(two_phases, pattern, page, *flags):
    """Returns (result of the command, text of the page)."""
    flags = [f"--train_dir={two_phases / 'phase2'}", f"--input_data_pattern={pattern}", f"--output_file={page}", *flags]
    result = commands.run("report", *flags)
    assert result.status == 0, result.stderr
    return result, page.read_text("utf-8")


def test_training_files_of_a_phase_give_a_warning(two_phases, planted, tmp_path, written):
    assert "was trained on these files" not in written[0].read_text("utf-8")
    result, text = report(two_phases, f"{planted}/train/*.tfrecord", tmp_path / "r.html")  # trained on by phase 1
    assert result.json["seen_in_training"] is True
    assert "The model was trained on these files." in text
    assert "MAP of" not in text  # nothing is rated there


def test_the_page_names_the_scored_videos(two_phases, planted, tmp_path):
    pattern = f"{planted}/validate/*.tfrecord"
    result, text = report(two_phases, pattern, tmp_path / "r.html", "--only_holdout", "--holdout_fraction=0.5",
                          "--num_examples=9")  # fmt: skip
    (what,) = re.findall("<p>Scored: (.*?)</p>", text)
    assert f"<code>{pattern}</code>, the 50% of the videos that training held out" in what
    assert "limited to the first 9 videos and the first 9 rated segments" in what
    assert "9 whole videos" in text
    shown = re.findall(r'<h3 id="title\d+">([^ ]*) ', text)
    assert shown and all(holdout.in_holdout(name, 0.5) for name in shown)
    assert re.search("^[0-9]+ videos searched, ", result.stderr, re.M)
    assert f"{len(shown)}/{len(shown)} videos shown, " in result.stderr


def scored(**other):
    counts = {"videos": {"true_positives": [3]}}
    values = {"videos": 4, "precision_recall": counts} | dict.fromkeys(
        ("gap", "map", "hit_at_one", "perr", "loss"), 0.5
    )
    return scores.Scored("a*", "", 0.0, None, 0.0, False, values, None, **other)


def test_unknown_training_files_give_a_note():
    assert "It is unknown whether the model was trained" in scores.section(dataclasses.replace(scored(), seen=None))
    assert "trained on" not in scores.section(scored())


def test_unlabelled_videos_have_no_score():
    assert scores.section(scored()).count("<dd>0.500</dd>") == 5
    unlabelled = scored().scores | {"precision_recall": {"videos": {"true_positives": [0]}}}
    text = scores.section(dataclasses.replace(scored(), scores=unlabelled))
    assert "<dd>" not in text and "No video has labels" in text


@pytest.fixture
def own(tmp_path):
    """A video of the user."""
    path = tmp_path / "my-holidays.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (20, 32), np.uint8))
    return path


def test_a_users_own_video(two_phases, own, tmp_path):
    result, text = report(two_phases, own, tmp_path / "r.html")
    Outline(text)
    assert result.json == {"videos": 1, "moments": text.count("data-class="), "seen_in_training": None,
                           "output_file": str(tmp_path / "r.html")}  # fmt: skip
    assert '<h3 id="title0">my-holidays <small>0:20 min' in text and "data-class=" in text
    assert f"Shown without scores, as nothing is labelled: <code>{own}</code>" in text
    assert "<dd>" not in text and "Scored:" not in text and "has no labelled videos" in result.stderr


def test_rescoring_without_rated_segments_is_refused(two_phases, own, planted, tmp_path):
    for pattern in (own, f"{planted}/train/*.tfrecord"):
        result = commands.run("report", f"--train_dir={two_phases / 'phase2'}", f"--input_data_pattern={pattern}",
                              f"--output_file={tmp_path / 'r.html'}", "--video_score_weight=0.5")  # fmt: skip
        assert result.status == 2 and not (tmp_path / "r.html").exists()
        assert "--video_score_weight=0.5: rescores rated segments, but --input_data_pattern" in result.stderr


def test_a_users_own_video_beside_labelled_ones(two_phases, own, planted, tmp_path, written):
    result, text = report(two_phases, f"{planted}/test/*.tfrecord,{own}", tmp_path / "r.html")
    assert result.json["videos"] == 6 and '<h3 id="title0">my-holidays ' in text
    section = re.search('<section id="scores">(.*?)</section>', text, re.S)[1]
    alone = re.search('<section id="scores">(.*?)</section>', written[0].read_text("utf-8"), re.S)[1]
    assert re.findall(r"\d\.\d{3}", section) == re.findall(r"\d\.\d{3}", alone)


def test_a_file_without_a_video(two_phases, tmp_path):
    np.save(tmp_path / "empty.npy", np.zeros((0, 32), np.uint8))
    result = commands.run("report", f"--train_dir={two_phases / 'phase2'}", f"--output_file={tmp_path / 'r.html'}",
                          f"--input_data_pattern={tmp_path}/empty.npy")  # fmt: skip
    assert result.status == 2 and "holds no video with frames" in result.stderr


def test_videos_by_name(two_phases, planted, tmp_path):
    flags = [f"--train_dir={two_phases / 'phase2'}", f"--input_data_pattern={planted}/test/*.tfrecord",
             f"--output_file={tmp_path / 'r.html'}"]  # fmt: skip
    result = commands.run("report", *flags, "--video_ids=no_such")
    assert result.status == 2
    assert "--video_ids: no_such not in --input_data_pattern" in result.stderr
    assert not list(tmp_path.iterdir())
