"""The CSV of classes: a spreadsheet shows any class name and runs none as a formula."""

import csv

import pytest

from yt8m_attention.evaluation import per_class_file

PER_CLASS = {3: (0.5, 2, 4), 7: (0.75, 1, 2)}


def names(path, class_name):
    per_class_file.write(str(path), PER_CLASS, class_name)
    with open(path, newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["class", "average_precision", "positives", "rated", "name"]
    assert [row[:-1] for row in rows] == [["7", "0.75", "1", "2"], ["3", "0.5", "2", "4"]]
    return [row[-1] for row in rows]


@pytest.mark.parametrize("name", ["=cmd()", "+1", "@SUM(A1)", "-1+cmd|' /C calc'!A0", " =1", "\t=1", "\r=1", "\n=1"])
def test_a_formula_in_a_name_becomes_text(tmp_path, name):
    assert names(tmp_path / "c.csv", {3: name, 7: "Car"}.get) == ["Car", f"'{name.strip()}"]


def test_a_name_is_one_line(tmp_path):
    assert names(tmp_path / "c.csv", {3: "two\r\nlines", 7: "a\rb"}.get) == ["a b", "two lines"]


@pytest.mark.parametrize("name", ["Car", 'Rock & Roll, "live"', "-ism", "a=b", "\u65e5\u672c", "1\x1b[31m", ""])
def test_other_names_are_unchanged(tmp_path, name):
    assert names(tmp_path / "c.csv", {3: name, 7: "Car"}.get) == ["Car", name]
