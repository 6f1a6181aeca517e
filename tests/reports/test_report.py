"""The page: complete, self-contained, well-formed, and true to what it was made from."""

import dataclasses
import html
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from tests import commands
from tests.reports.conftest import NASTY
from yt8m_attention.data.own_features import Video
from yt8m_attention.inference import moment_files
from yt8m_attention.inference.moments import Moment
from yt8m_attention.inference.timeline import Scored
from yt8m_attention.reports import charts, timeline

_VOID = {"meta", "link", "img", "br", "hr", "input"}


class Outline(HTMLParser):
    """Checks that elements are closed in order, and keeps what it saw."""

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
    told = moment_files.describe(video, [Moment(1, 2, 7, 0.9)], lambda c: f"{NASTY}{c}", 1.0)
    return timeline.Timeline(video, Scored(windows, np.eye(8)[:, :2]), told, 5, 1.0)


def test_the_command_says_what_it_wrote(written):
    path, result = written
    text = path.read_text("utf-8")
    assert result == {"videos": 6, "moments": text.count("data-class="), "output_file": str(path)}
    assert result["moments"] > 6


def test_the_page_is_whole_and_asks_for_nothing(written):
    text = written[0].read_text("utf-8")
    page = Outline(text)
    assert not [t for t, a in page.seen if "src" in a or t in ("link", "iframe", "object", "img")]
    assert all(a["href"].startswith("#") for t, a in page.seen if t == "a")  # planted ids are no YouTube ids
    style = re.search("<style>(.*?)</style>", text, re.S)[1]
    assert "url(" not in style and "@import" not in style
    ids = [a["id"] for _, a in page.seen if "id" in a]
    assert len(ids) == len(set(ids))
    for _, a in page.seen:
        for name in ("for", "aria-describedby", "aria-labelledby"):
            assert a.get(name, ids[0]) in ids


def test_scores_stand_beside_their_controls(written, two_phases, planted):
    text = written[0].read_text("utf-8")
    flags = [f"--eval_data_pattern={planted}/test/*.tfrecord", "--segment_labels"]
    two, one = (commands.succeed("eval", f"--train_dir={two_phases / p}", *flags) for p in ("phase2", "phase1"))
    shown = re.findall(r'<th scope="row">([^<]*)</th><td>([\d.]+)</td><td class="bar">', text)[:4]
    values = (two["segment_map"], one["segment_map"], two["copied_video_score_map"], two["chance"])
    assert [value for _, value in shown] == [f"{value:.3f}" for value in values]


def test_names_are_escaped(written):
    text = written[0].read_text("utf-8")
    assert NASTY not in text and html.escape(NASTY) in text


def test_a_section_of_a_youtube_video():
    text = timeline.section(a_timeline(), 0, lambda c: f"{NASTY}{c}")
    page = Outline(text)
    (link,) = [a["href"] for t, a in page.seen if t == "a"]
    assert link == "https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=2s"
    data = json.loads(re.search('<script type="application/json">(.*?)</script>', text, re.S)[1])
    assert data["names"] == [f"{NASTY}1"]
    assert data["values"] == [[0, 0, 0, 0, 90, 0, 0, 0]]  # the window from 2 on, at its middle
    assert np.shape(data["heads"]) == (2, 8)
    assert [a["class"] for t, a in page.seen if t == "rect"] == ["yes", "no"]  # of the row's class alone


def test_a_clip_is_linked_where_it_lies_in_its_video():
    text = timeline.section(a_timeline(begin=140.0), 0, str)
    assert "&amp;t=142s" in text


def test_an_axis_tells_the_time():
    text = timeline.section(a_timeline(), 0, str)
    assert re.search('class="axis".*?</div>', text)[0].count("<span>") == 5 and "<span>0:08</span>" in text


@pytest.mark.parametrize("video_id", ["abcd", "<b>&'\"x", "dQw4w9WgXc/"])
def test_other_ids_get_no_link_and_are_escaped(video_id):
    text = timeline.section(a_timeline(video_id), 0, str)
    assert "<a " not in text and f">{html.escape(video_id)} <" in text
    Outline(text)


def test_a_network_without_attention_has_no_heads():
    bare = a_timeline()
    bare = dataclasses.replace(bare, scored=dataclasses.replace(bare.scored, attention=None))
    text = timeline.section(bare, 0, str)
    Outline(text)
    assert "head 1" not in text


def test_shades_cover_what_is_probable():
    rows = np.array([[0.0, 1.0, 1.0, 0.52, 0.02]])
    paths = dict(re.findall(r'<path fill-opacity="([\d.]+)" d="([^"]*)"', timeline._svg(rows)))
    assert paths == {"1": "M1 0h2v1h-2z", "0.5": "M3 0h1v1h-1z"}


def test_charts_keep_a_colour_a_phase_and_survive_odd_values():
    assert charts.chart("x", {"phase 1": [], "phase 2": [(1, float("nan"))]}) == ""
    text = charts.chart("<loss>", {"phase 1": [], "phase 2": [(0, 1.0), (5, 1.0), (9, float("inf"))]})
    Outline(text)
    assert "curve1" in text and "curve0" not in text and "nan" not in text and "inf" not in text
    many = charts.chart("x", {"a": [(s, s % 7) for s in range(5001)]})
    points = re.search('points="([^"]*)"', many)[1].split()
    assert len(points) <= 402 and points[-1].startswith("312")


def test_videos_by_name(two_phases, planted, tmp_path):
    flags = [f"--train_dir={two_phases / 'phase2'}", f"--input_data_pattern={planted}/test/*.tfrecord",
             f"--output_file={tmp_path / 'r.html'}"]  # fmt: skip
    result = commands.run("report", *flags, "--video_ids=no_such")
    assert result.status == 2
    assert "--video_ids: no_such not in --input_data_pattern" in result.stderr
    assert not list(tmp_path.iterdir())


def test_fewer_videos_may_be_scored(two_phases, planted, tmp_path):
    pattern = f"--input_data_pattern={planted}/test/*.tfrecord"
    commands.succeed("report", f"--train_dir={two_phases / 'phase2'}", pattern, f"--output_file={tmp_path / 'r.html'}",
                     "--num_examples=7")  # fmt: skip
    assert "7 whole videos" in (tmp_path / "r.html").read_text("utf-8")
