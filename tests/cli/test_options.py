"""Flags from declarations, and configurations from flags; each case in a process of its own, as flags are global."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from yt8m_attention.cli import COMMANDS, flag_reference, options
from yt8m_attention.config import Data, Options, Phase, option

ROOT = Path(__file__).resolve().parents[2]


def answer(code, *arguments):
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr.splitlines()[-1]


COLLECT = """
import dataclasses, json, sys
from yt8m_attention.cli import app, options
from yt8m_attention.config import {cls}
app.define([{cls}])
app.parse(["command", *sys.argv[1:]])
print(json.dumps(dataclasses.asdict({call})))
"""


def test_flags_become_the_configuration():
    code = COLLECT.format(cls="Model", call="options.collect(Model, input_noise=0.0)")
    made = answer(code, "--num_heads=3", "--cnn_filters=1,2,3", "--nohidden_layer", "--feature_names=a",
                  "--feature_sizes=7", "--video_level_classifier_model=LogisticModel", "--l2_penalty=0.5")  # fmt: skip
    assert (made["num_heads"], made["cnn_filters"], made["hidden_layer"]) == (3, [1, 2, 3], False)
    assert made["features"] == {"names": ["a"], "sizes": [7]}
    assert (made["video_level_classifier_model"], made["l2_penalty"], made["model"]) == (
        "logistic", 0.5, "multi_attention"
    )  # fmt: skip


def test_a_field_without_its_flag_is_an_error_not_a_default():
    code = COLLECT.format(cls="Data", call="options.collect(Data)")
    assert answer(code) == "LookupError: Data.segment_classes has no flag in this command, and no value is given"


def test_every_flag_is_checked_even_if_its_value_is_not_used():
    code = COLLECT.format(cls="Model", call="options.collect(Model, num_heads=1, input_noise=0.0)")
    assert answer(code, "--num_heads=0").endswith("UserError: --num_heads: found 0, wanted 1 to 1048576")


def test_flags_that_were_set_override_a_saved_configuration_and_no_others():
    code = COLLECT.format(cls="Data", call="options.override(Data(segment_size=2, segment_classes=(1,)))")
    made = answer(code, "--num_frames=7", "--index_dir=none")
    assert (made["sampling"]["num_frames"], made["index_dir"]) == (7, "none")
    assert (made["segment_size"], made["segment_classes"]) == (2, [1])


def test_two_declarations_of_one_flag_are_refused():
    @dataclass(frozen=True)
    class Twice(Options):
        batch_size: int = option(1, "something else")

    with pytest.raises(ValueError, match="--batch_size is declared twice"):
        options.declared([Phase, Twice])


def test_the_part_of_a_class_that_a_command_takes():
    part = options.some(Data, "features", num_classes={"flag_default": 7})
    found = options.declared([part])
    assert list(found) == ["feature_names", "feature_sizes", "num_classes"]
    assert found["num_classes"][1].flag_default == 7


def test_the_flag_reference_is_current():
    """Written by `python -m yt8m_attention.cli.flag_reference >docs/flags.md`."""
    assert (ROOT / "docs" / "flags.md").read_text("utf-8") == flag_reference.page()


def test_every_flag_is_declared_once():
    """Whatever the command, a flag has one help text; where two classes hold it, one of them repeats the other's."""
    helps = {}
    for rows in flag_reference.groups().values():
        for flag, row in rows.items():
            assert flag not in helps, flag
            helps[flag] = {option.help for option in row.commands.values()}
    assert all(len(texts) == 1 for texts in helps.values())
    assert len(helps) > 90 and set(COMMANDS) == {c for rows in flag_reference.groups().values()
                                                  for row in rows.values() for c in row.commands}  # fmt: skip


def test_names_of_flags_of_several_commands():
    names = flag_reference.names(["moments", "report"])
    assert {"input", "video_ids", "top", "num_classes"} <= set(names) and len(names) == len(set(names))
