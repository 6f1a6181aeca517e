"""Class names from the columns of the official CSV."""

import pytest

from yt8m_attention.data.formats import vocabulary
from yt8m_attention.errors import UserError


def test_official_columns_in_any_order_and_bom(tmp_path):
    path = tmp_path / "vocabulary.csv"
    path.write_text(
        'TrainVideoCount,Index,KnowledgeGraphId,Name\n9,0,/m/1,"Game, video"\n8,3,/m/2, Café \n', "utf-8-sig"
    )
    names = vocabulary.read(str(path))
    assert [names.name(c) for c in (0, 3, 1)] == ["Game, video", "Café", "class 1"]
    assert len(names) == 2


def test_what_is_kept_is_read_again(tmp_path):
    assert vocabulary.kept(str(tmp_path)) is None
    vocabulary.keep(str(tmp_path), vocabulary.Vocabulary({3: 'Café, "au lait"', 0: "Game"}))
    vocabulary.keep(str(tmp_path), vocabulary.Vocabulary())
    assert vocabulary.read(vocabulary.kept(str(tmp_path))).names == {0: "Game", 3: 'Café, "au lait"'}


def test_without_a_file_ids_are_names():
    assert vocabulary.read(None).name(17) == "class 17"


@pytest.mark.parametrize("text", ["", "Index\n1\n", "Name\nx\n", "Index,Name\nx,y\n", "Index,Name\n1\n"])
def test_another_file_is_refused(tmp_path, text):
    path = tmp_path / "wrong.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=r"--vocabulary=.*wrong.csv: .*wanted a CSV with columns Index and Name"):
        vocabulary.read(str(path))


def test_audiosets_names(shared_data):
    names = vocabulary.read(str(shared_data / "audioset" / "class_names.csv"))
    assert len(names) == 527
    assert names.name(0) == "Speech"
