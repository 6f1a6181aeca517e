"""Options: what a declaration checks, and in which words it refuses a value."""

import dataclasses
import json
import typing
from dataclasses import dataclass

import numpy as np
import pytest

from yt8m_attention import config
from yt8m_attention.config import Options, option, shared
from yt8m_attention.errors import UserError


@dataclass(frozen=True)
class Example(Options):
    count: int = option(3, "a count", least=1, most=9)
    share: float = option(0.5, "a share", above=0, most=1)
    rate: float | None = option(None, "a rate", least=0)
    kind: str = option("a", "a kind", choices=("a", "b"))
    sizes: tuple[int, ...] = option((1, 2), "sizes", flag="all_sizes", least=1, most=4)
    free: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Nested(Options):
    example: Example = Example()
    count: int = shared(Example, "count", default=5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": 0}, "--count: found 0, wanted 1 to 9"),
        ({"count": 10}, "--count: found 10, wanted 1 to 9"),
        ({"count": 2.0}, "--count: found 2.0, wanted 1 to 9"),
        ({"count": True}, "--count: found True, wanted 1 to 9"),
        ({"count": None}, "--count: found None, wanted 1 to 9"),
        ({"share": 0.0}, "--share: found 0.0, wanted a number, more than 0 and 1 or less"),
        ({"share": float("nan")}, "--share: found nan"),
        ({"rate": -1.0}, "--rate: found -1.0, wanted a number, 0 or more"),
        ({"rate": float("inf")}, "--rate: found inf"),
        ({"rate": "fast"}, "--rate: found 'fast'"),
        ({"kind": "c"}, "--kind: found 'c', wanted one of a, b"),
        ({"sizes": (1, 5)}, r"--all_sizes: found \(1, 5\), wanted 1 to 4"),
    ],
)
def test_a_value_out_of_range_is_refused_in_the_words_of_its_flag(values, message):
    with pytest.raises(UserError, match=message):
        Example(**values)


def test_values_within_range_are_taken_as_they_are():
    made = Example(count=np.int64(9), share=1, rate=0, kind="b", sizes=(4,), free=(0,))
    assert (made.count, made.share, made.rate, made.kind, made.sizes, made.free) == (9, 1, 0, "b", (4,), (0,))


def test_a_shared_option_is_one_declaration_with_changes():
    assert Nested().count == 5
    declared = config.options_of(Nested)["count"]
    assert (declared.help, declared.declared_by, declared.flag_default) == ("a count", Example, 5)
    with pytest.raises(UserError, match="--count: found 10"):
        Nested(count=10)


def test_all_options_reach_into_nested_classes():
    flags = [option.flag for _, option in config.all_options(Nested)]
    assert flags == ["count", "share", "rate", "kind", "all_sizes", "count"]


@pytest.mark.parametrize("cls", [config.Run, config.Scoring])
def test_every_field_is_an_option_a_class_of_options_or_known_to_be_neither(cls):
    """A field without a declaration has no flag; only the class ids, which a file holds, are one."""
    neither = set()

    def look(cls):
        hints, declared = typing.get_type_hints(cls), config.options_of(cls)
        for field in dataclasses.fields(cls):
            if dataclasses.is_dataclass(hints[field.name]):
                look(hints[field.name])
            elif field.name not in declared:
                neither.add(field.name)

    look(cls)
    assert neither == ({"segment_classes"} if cls is config.Run else set())


def test_configurations_survive_json():
    run = config.Run("d", "p", config.Model(cnn_filters=(1, 2, 3)), config.Data(), config.Phase(max_steps=3))
    assert config.from_dict(config.Run, json.loads(json.dumps(config.to_dict(run)))) == run


def test_what_changes_scores():
    """Where files and copies lie does not; which frames a bag has does."""
    data = config.scored_options(config.Data())
    assert data == {"num_classes": 3862, "segment_size": 5, "segment_window": [30, 10]}
    assert set(config.scored_options(config.Scoring())) == {"precision", "video_score_weight"}
