"""Every flag of every command at nonsense values: it runs, or ends with status 2 and one line that names the flag."""

import functools
import json
import os
import re

import pytest

from tests import commands
from tests.cli import nonsense
from yt8m_attention import config
from yt8m_attention.runs import run_file

FEATURES = ["--feature_names=rgb,audio", "--feature_sizes=24,8", "--num_classes=6"]
# Arguments with which each succeeds, on the planted data and a small model.
BASES = {
    "train": ["--train_data_pattern={planted}/train/*", "--train_dir={new}/run", "--max_steps=1", *FEATURES,
              "--num_heads=2", "--hidden_size=16", "--attention_sizes=8,4", "--num_frames=12", "--batch_size=8"],
    "eval": ["--eval_data_pattern={planted}/test/*", "--train_dir={model}", "--segment_labels"],
    "inference": ["--input_data_pattern={planted}/test/*", "--train_dir={model}", "--segment_labels",
                  "--output_file={new}/s.csv"],
    "segment_eval_inference": ["--eval_data_pattern={planted}/test/*", "--submission_file={submission}"],
    "ensemble": ["--inputs={model},{model}", "--input_data_pattern={planted}/test/*", "--output_file={new}/s.csv"],
    "pseudo_label": ["--submission_file={submission}", "--input_data_pattern={planted}/test/*", "--positives=5",
                     "--output_dir={new}/pseudo", *FEATURES],
    "synthesize": ["--output_dir={new}/data", "--num_train=2", "--num_validate=1", "--num_test=1", "--num_classes=4",
                   "--feature_names=rgb,audio", "--feature_sizes=4,2", "--video_frames=50,60"],
    "export_model": ["--train_dir={model}", "--output_dir={new}/exported"],
    "export_model_mediapipe": ["--checkpoint_file={model}/inference_model/inference_model",
                               "--output_dir={new}/exported"],
    "moments": ["--input={planted}/test/*", "--train_dir={model}"],
    "report": ["--train_dir={model}", "--input_data_pattern={planted}/test/*", "--output_file={new}/r.html"],
}  # fmt: skip


def _run(command, folder, base, whole, only=None):
    """{(flag, value): (status, out, err)}"""
    text = folder / "text.txt"
    text.write_text("neither flags nor data\n")
    job = {"base": base, "folder": str(folder), "file": str(text), "whole": whole} | ({"only": only} if only else {})
    place = folder / f"{command}.json"
    place.write_text(json.dumps(job))
    # In the test's own folder, where relative paths that are no nonsense after all may be written.
    there = functools.partial(os.chdir, folder)
    done = commands.run("cli.nonsense", command, place, package="tests", setup=there, timeout=None)
    assert done.status == 0, done.stderr
    return {(flag, value): rest for flag, value, *rest in json.loads(place.read_text())}


def _wrong(flag, value, status, out, err):
    """Whether a command neither ran nor said in one line what is wrong with the flag or its file; only a large number
    takes too much memory, or time."""
    lines = err.splitlines()
    said = status == 2 and len(lines) == 1 and not out
    fields, words = err.rstrip("\n").split(": ")[1:-1], " ".join(value.split())
    as_a_file = any(field == words or (len(words) > 2 and field.startswith(words)) for field in fields)
    named = said and (as_a_file or re.search(rf"(?<![\w-])(--)?{flag}(?![\w-])", lines[0]))
    large = value.isdigit() and len(value) > 4
    too_large = said and large and "out of memory" in lines[0]
    return not ((status == 0 and (large or err != nonsense.STOPPED)) or named or too_large)


def test_a_flag_is_named_by_its_whole_name():
    assert not _wrong("top", "x", 2, "", "eval: --top=x: wanted a number\n")
    assert not _wrong("top", "x", 2, "", "eval: flag --top=x: wanted a number\n")
    for line in ("--stop=x: no", "--top_n=x: no", "--on-top=x: no", "out of memory"):
        assert _wrong("top", "x", 2, "", f"eval: {line}\n")
    assert not _wrong("top", "99999", 2, "", "eval: out of memory\n")
    assert not _wrong("top", "/no/where", 2, "", "eval: /no/where: cannot be written\n")
    assert not _wrong("top", "99999", 0, "", nonsense.STOPPED) and _wrong("top", "1.5", 0, "", nonsense.STOPPED)
    assert _wrong("top", "x", 2, "{}", "--top\n") and _wrong("top", "x", 1, "", "--top\n")


def _place(base, **places):
    for name, place in places.items():
        base = [part.replace(f"{{{name}}}", str(place)) for part in base]
    return base


@pytest.mark.parametrize("command", BASES)
def test_flags_become_a_configuration_or_are_refused_by_name(tmp_path, command):
    module = "inference.__main__" if command == "inference" else command
    run_file.write(config.Run(str(tmp_path), "p", config.Model(), config.Data(), config.Phase(max_steps=1)), {}, "1.0")
    base = _place(BASES[command], planted=tmp_path, model=tmp_path, submission=tmp_path)
    found = _run(module, tmp_path, ["--quiet", *base], whole=False)
    failures = {key: rest for key, rest in found.items() if _wrong(*key, *rest)}
    print(f"{command}: {len(found)} cases, {sum(status == 2 for status, *_ in found.values())} refused")
    assert not failures
    assert len(found) > 20 and any(status == 0 for status, *_ in found.values())


@pytest.fixture(scope="module")
def trained(planted, tmp_path_factory):
    """A model's directory and a submission of it."""
    folder = tmp_path_factory.mktemp("trained")
    ids = f"--segment_label_ids_file={planted}/segment_label_ids.csv"
    commands.succeed("train", *_place(BASES["train"], planted=planted, new=folder), ids)
    base = _place(BASES["inference"], planted=planted, model=folder / "run", new=folder)
    commands.succeed("inference", *base)
    return folder / "run", folder / "s.csv"


@pytest.mark.slow
@pytest.mark.parametrize("command", BASES)
def test_what_is_not_refused_runs_or_is_told_by_name(planted, trained, tmp_path, command):
    module = "inference.__main__" if command == "inference" else command
    places = {"planted": planted, "model": trained[0], "submission": trained[1]}
    base = ["--quiet", *_place(BASES[command], **places)]
    first = _run(module, tmp_path, base, whole=False)
    only = [list(key) for key, (status, *_) in first.items() if status == 0]
    found = _run(module, tmp_path, base, whole=True, only=only)
    failures = {key: rest for key, rest in found.items() if _wrong(*key, *rest)}
    print(f"{command}: {len(found)} cases carried out, {sum(status == 2 for status, *_ in found.values())} refused")
    assert not failures
