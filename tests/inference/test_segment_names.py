"""Names equals Python's lists, dicts and sets."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yt8m_attention.inference.segment_names import Names

# Names with equal prefixes and lengths around the eight bytes of a key, also with bytes that are not letters.
IDS = st.one_of(
    st.text("ab", min_size=1, max_size=4),
    st.integers(0, 20).map(lambda n: "abcdefghijklmnopqrst"[:n] + "x"),
    st.text(st.characters(codec="utf-8", exclude_categories=("Z", "C"), exclude_characters=",:"), min_size=1),
    st.sampled_from(["a\0", "\0", "\0\0\0\0\0\0\0\0\0a"]),
)
NAMES = st.tuples(IDS, st.sampled_from([0, 5, 50, 500, 123456789])).map(lambda p: f"{p[0]}:{p[1]}".encode())
MANY = st.lists(NAMES, max_size=12)
CELLS = st.lists(
    st.one_of(NAMES, st.sampled_from([b" ", b"  ", b"\t", b"\n", b"a", b":", b":1", b"a:", b"a:1:2", b"a:1x", b","])),
    max_size=8,
).flatmap(lambda parts: st.sampled_from([b" ".join(parts), b"".join(parts), b" " + b"\r ".join(parts) + b" "]))


@given(CELLS)
def test_parses_as_a_regular_expression_does(cell):
    entry = re.compile(rb"[^\s,:]+:\d+")
    wrong = [part for part in cell.split() if not entry.fullmatch(part)]
    if wrong:
        with pytest.raises(ValueError) as error:
            Names.parse(cell)
        assert error.value.args == (wrong[0],)
    else:
        assert Names.parse(cell).tolist() == cell.split()


@given(MANY, st.data())
def test_videos_are_the_parts_before_the_colon(names, data):
    parsed = Names.parse(b" ".join(names))
    places = data.draw(st.lists(st.integers(0, len(names) - 1)) if names else st.just([]))
    some = parsed[np.array(places, np.int64)]
    assert some.videos().tolist() == [names[place].split(b":")[0] for place in places]


@given(MANY)
def test_holds_the_given_names(names):
    held = Names.of(names)
    assert len(held) == len(names) and held.tolist() == names
    assert held[1:3].tolist() == names[1:3]
    assert held[np.arange(len(names))[::-1]].tolist() == names[::-1]


@given(MANY, MANY)
def test_keys_are_equal_where_names_are(ours, theirs):
    parsed = Names.parse(b" ".join(theirs))
    for name, key in zip(ours, Names.of(ours).keys, strict=True):
        for other, other_key in zip(theirs, parsed.keys, strict=True):
            assert (key == other_key) == (name == other)
    assert parsed.sorted_keys.tolist() == sorted(parsed.keys.tolist())


@given(MANY)
def test_the_first_duplicate_is_found(names):
    expected = next((name for i, name in enumerate(names) if name in names[:i]), None)
    assert Names.of(names).first_duplicate() == expected


@given(st.lists(NAMES, unique=True, max_size=12), st.lists(NAMES, unique=True, max_size=12))
def test_finds_common_names(ours, theirs):
    in_ours, in_theirs = Names.of(ours).find(Names.of(theirs))
    expected = [(ours.index(name), place) for place, name in enumerate(theirs) if name in ours]
    assert list(zip(in_ours.tolist(), in_theirs.tolist(), strict=True)) == expected


def test_a_hundred_thousand_different_names_have_different_keys():
    names = Names.of([b"abcdefgh%05x:%d" % (n // 10, 5 * (n % 10)) for n in range(100_000)])
    assert len(set(names.keys.tolist())) == 100_000 and names.first_duplicate() is None
