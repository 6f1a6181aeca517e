"""Submissions: a written file reads back equal; files of other systems are read, or refused with the line."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yt8m_attention.errors import UserError
from yt8m_attention.inference import submission

VIDEO_IDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Z", "C"), exclude_characters=',:"'), min_size=1
).filter(
    lambda video_id: video_id[0] not in "=+@-"  # formulas
)
SEGMENTS = st.lists(st.tuples(VIDEO_IDS, st.integers(0, 10**6)), min_size=1, max_size=8, unique=True)


def rows_of(tmp_path, text, **kwargs):
    path = tmp_path / "submission.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [(row.class_id, texts(row.segments), row.cut) for row in submission.read(path, **kwargs)]


def texts(names):
    return [name.decode() for name in names.tolist()]


def refused(tmp_path, text, *words):
    with pytest.raises(UserError) as error:
        rows_of(tmp_path, text)
    for word in ("submission.csv", *words):
        assert word in str(error.value)
    assert "\n" not in str(error.value)


@given(segments=SEGMENTS, data=st.data())
def test_written_is_read_back(tmp_path_factory, segments, data):
    names = submission.segment_names(*zip(*segments, strict=True))
    ranked = {
        c: data.draw(st.lists(st.sampled_from(range(len(segments))), unique=True))
        for c in data.draw(st.lists(st.integers(0, 4000), min_size=1, max_size=3, unique=True))
    }
    path = tmp_path_factory.mktemp("submission") / "segments.csv"
    submission.write(path, list(ranked), names, [np.array(places, np.int64) for places in ranked.values()])
    expected = [(c, [f"{segments[p][0]}:{segments[p][1]}" for p in places], 0) for c, places in ranked.items()]
    assert [(row.class_id, texts(row.segments), row.cut) for row in submission.read(path)] == expected
    assert [p.name for p in path.parent.iterdir()] == ["segments.csv"]


def test_written_bytes(tmp_path):
    names = submission.segment_names(["aaaa", b"b"], [5, 100])
    submission.write(tmp_path / "s.csv", [3, 1], names, [np.array([1, 0]), np.array([], int)])
    assert (tmp_path / "s.csv").read_bytes() == b"Class,Segments\n3,b:100 aaaa:5\n1,\n"


def test_no_segments_at_all_can_be_written(tmp_path):
    submission.write(tmp_path / "s.csv", [3], submission.segment_names([], []), [np.array([], int)])
    assert (tmp_path / "s.csv").read_bytes() == b"Class,Segments\n3,\n"


@pytest.mark.parametrize("video_id", ["", "a b", "a,b", "a:b", 'a"b', "a\nb", "a\0b", "a\tb", "a\u00a0b"])
def test_ids_that_a_csv_cannot_hold_are_refused(tmp_path, video_id):
    with pytest.raises(UserError, match="video id"):
        submission.segment_names(["fine", video_id], [0, 5])
    with pytest.raises(UserError, match="video id"):
        submission.write_videos(tmp_path / "v.csv", [(video_id, [1], [0.5])])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("video_id", ["=1+1", "+1", "@SUM(A1)", "-1+cmd|'/C calc'!A0", "-a/b"])
def test_ids_that_a_spreadsheet_takes_for_formulas_are_refused(tmp_path, video_id):
    with pytest.raises(UserError, match="would take it for a formula"):
        submission.segment_names([video_id], [0])
    with pytest.raises(UserError, match="would take it for a formula"):
        submission.write_videos(tmp_path / "v.csv", [(video_id, [1], [0.5])])


def test_ids_of_youtube_may_begin_with_a_hyphen(tmp_path):
    names = submission.segment_names(["-_aB9-xyz12", "a=b"], [5, 0])
    submission.write(tmp_path / "s.csv", [3], names, [np.array([0, 1])])
    assert (tmp_path / "s.csv").read_bytes() == b"Class,Segments\n3,-_aB9-xyz12:5 a=b:0\n"


def test_a_failed_write_leaves_the_old_file(tmp_path):
    names = submission.segment_names(["a"], [0])
    submission.write(tmp_path / "s.csv", [1], names, [np.array([0])])
    for wrong in (-1, 1):
        with pytest.raises((ValueError, IndexError)):
            submission.write(tmp_path / "s.csv", [1, 2], names, [np.array([0]), np.array([wrong])])
    assert (tmp_path / "s.csv").read_bytes() == b"Class,Segments\n1,a:0\n"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_path_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        submission.write(tmp_path / "file" / "s.csv", [], submission.segment_names([], []), [])


@pytest.mark.parametrize(
    "text",
    [
        "Class,Segments\n3,a:0 b:5\n7,a:5\n",
        "3,a:0 b:5\n7,a:5",
        "\ufeffClass,Segments\n3,a:0 b:5\n7,a:5\n",
        "\ufeff3,a:0 b:5\n7,a:5\n",
        "Class,Segments\r\n3,a:0 b:5\r\n7,a:5\r\n",
        "Class,Segments\n3, a:0  b:5 \n\n7,a:5 \n\n",
        '"Class","Segments"\n3,"a:0 b:5"\n"7",a:5\n',
        "Class,Segments\r3,a:0 b:5\r7,a:5\r",
        "Class,Segments\n3,a:0\tb:5\n7,\u00a0a:5\u2003\n",
        "class,segments \n3,a:0 b:5\n 7 ,a:5\n",
    ],
)
def test_every_dialect_reads_the_same(tmp_path, text):
    assert rows_of(tmp_path, text) == [(3, ["a:0", "b:5"], 0), (7, ["a:5"], 0)]


def test_entries_beyond_top_n_are_cut_and_counted(tmp_path):
    assert rows_of(tmp_path, "3,a:0 b:5 c:0\n4,a:0\n", top_n=2) == [(3, ["a:0", "b:5"], 1), (4, ["a:0"], 0)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Class,Segments\n3,a:0\nx,a:0\n", ["line 3", "x,a:0"]),
        ("Class,Segments\nClass,Segments\n3,a:0\nClass,Segments\n", ["line 4"]),
        ("3 a:0 b:5\n", ["line 1"]),
        ("-3,a:0\n", ["line 1"]),
        ("9" * 5000 + ",a:0\n", ["line 1"]),
        ("3,a:0 b\n", ["line 1", "class 3", "'b'"]),
        ("3,a:0 b:x\n", ["line 1", "class 3", "'b:x'"]),
        ("3,a:0,b:5\n", ["line 1", "class 3", "'a:0,b:5'"]),
        ("3,a:0 b:5:5\n", ["line 1", "class 3", "'b:5:5'"]),
        ("3,a:0 :5\n", ["line 1", "class 3", "':5'"]),
        ("3,a:0 b:\n", ["line 1", "class 3", "'b:'"]),
        ("3,a:0 b c:0:5\n", ["line 1", "class 3", "'b'"]),
        ("3,a:0 b:-5\n", ["line 1", "class 3", "'b:-5'"]),
        ("3,a:0 b:1234567x9\n", ["line 1", "class 3", "'b:1234567x9'"]),
        ("3,a:0 \u00e9:x\n", ["line 1", "class 3", "'\u00e9:x'"]),
        ("3,a:0\n4,abcdefgh:5 \u00e9:0 abcdefgh:50 abcdefgh:5\n", ["line 2", "class 4", "abcdefgh:5 twice"]),
        ("3,a:0\n4,b:5 a:0 b:5\n", ["line 2", "class 4", "b:5 twice"]),
        ("3,a:0\n4,a:0\n3,b:0\n", ["line 3", "class 3", "line 1"]),
        ("", ["no class"]),
        ("Class,Segments\n", ["no class"]),
        (b"3,\xff\xfe:0\n", ["UTF-8"]),
        ("Class,Segments\n".encode("utf-16"), ["UTF-8"]),
    ],
)
def test_an_invalid_submission_is_refused_with_its_line(tmp_path, text, words):
    refused(tmp_path, text, *words)


def test_a_cell_cut_by_a_spreadsheet_is_recognised(tmp_path):
    whole = " ".join(f"ab{i:04d}:{i % 300}" for i in range(5000))
    refused(tmp_path, f"Class,Segments\n3,a:0\n4,{whole[:32767]}\n", "line 3", "class 4", "spreadsheet")
    assert rows_of(tmp_path, f"4,{whole}\n") == [(4, whole.split(), 0)]


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(UserError, match=re.escape(str(tmp_path / "absent.csv"))):
        list(submission.read(tmp_path / "absent.csv"))


@given(
    confidences=st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20).map(lambda c: sorted(c, reverse=True)),
    video_id=VIDEO_IDS,
)
def test_confidences_survive_the_text(tmp_path_factory, confidences, video_id):
    path = tmp_path_factory.mktemp("videos") / "videos.csv"
    submission.write_videos(path, [(video_id, range(len(confidences)), confidences), ("other", [5], [0.25])])
    header, line, last, end = path.read_text(encoding="utf-8").split("\n")
    assert (header, last, end) == ("VideoId,LabelConfidencePairs", "other,5 0.25", "")
    name, pairs = line.split(",")
    pairs = pairs.split(" ")
    assert name == video_id and pairs[::2] == [str(c) for c in range(len(confidences))]
    np.testing.assert_array_equal(np.array(pairs[1::2], np.float32), np.array(confidences, np.float32))


def test_a_nan_confidence_is_refused(tmp_path):
    with pytest.raises(ValueError, match="video a"):
        submission.write_videos(tmp_path / "v.csv", [("a", [1], [np.nan])])


@pytest.mark.parametrize(("text", "whole"), [("3,a:1\n", True), ("3,a:1\r\n", True), ("3,a:1\r", True),
                                             ("3,a:15\n4,b:1", False), ("3,a:1", False)])  # fmt: skip
def test_a_last_line_without_an_end_is_logged(tmp_path, capsys, text, whole):
    rows_of(tmp_path, text)
    said = capsys.readouterr().err
    assert (not said) if whole else ("submission.csv: the last line has no line end" in said)
