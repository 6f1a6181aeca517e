"""What README.md and docs/ say can be done: their shell runs through bash's parser, their flags and files exist."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from yt8m_attention.cli import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "benchmarks/README.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))
# Flags of other programs that the text, not a block of shell, speaks of.
FOREIGN = {"help", "logdir", "slow", "name", "noname"}
BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))
BENCHMARK_FLAG = re.compile(r'add_argument\(\s*"--(\w+)"')

FLAGS_OF = """
import importlib, json, sys
from yt8m_attention.cli import app, options
app.define(importlib.import_module("yt8m_attention." + sys.argv[1]).OPTIONS)
print(json.dumps([[flag.name, flag.boolean] for flag in options.ours()]))
"""


@pytest.fixture(scope="module")
def flags():
    """{command: the flags that it takes, the negative forms of truth values among them}."""
    found = {}
    for command in COMMANDS.values():
        done = subprocess.run([sys.executable, "-c", FLAGS_OF, command], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        pairs = json.loads(done.stdout)
        found[command.removesuffix(".__main__")] = {name for name, _ in pairs} | {"no" + n for n, b in pairs if b}
    # The scripts hand their arguments on.
    found["run_train.sh"] = found["train"]
    found["run_eval.sh"] = set().union(*(found[c] for c in ("eval", "inference", "segment_eval_inference", "report")))
    return {name: names | {"flagfile"} for name, names in found.items()}


def blocks(page, *languages):
    """The text of fenced blocks of these languages."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
    return [text for language, text in found if language in languages]


def prose(page):
    return re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S)


def calls(shell):
    """(command, its flags) of ours in shell text."""
    for line in shell.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        for at, word in enumerate(words):
            name = re.fullmatch(r"(?:.*/)?(?:yt8m-(\w+)|(run_(?:train|eval)\.sh))", word)
            module = re.fullmatch(r"yt8m_attention\.(\w+)", word)
            if (name and name[1] != "attention") or module:  # the repository's own name
                given = [w[2:].partition("=")[0] for w in words[at + 1 :] if w.startswith("--")]
                yield (name and (name[1] or name[2])) or module[1], given


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_shell_can_be_parsed(page):
    for text in blocks(page, "sh"):
        done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
        assert done.returncode == 0 and not done.stderr, (text, done.stderr)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_take_the_flags_that_are_given(page, flags):
    for text in blocks(page, "sh"):
        for command, given in calls(text):
            assert command in flags, f"{command} in {page.name}"
            assert set(given) <= flags[command], f"{command}: {set(given) - flags[command]}"


def benchmark_flags(path):
    return BENCHMARK_FLAG.findall(path.read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_flags_in_the_text_are_some_commands(page, flags):
    known = set().union(*flags.values(), *map(benchmark_flags, BENCHMARKS)) | FOREIGN
    named = {flag for code in re.findall(r"`([^`]+)`", prose(page)) for flag in re.findall(r"(?<!\S)--(\w+)", code)}
    assert named <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_files_of_the_repository_are_there(page):
    text = prose(page)
    links = {link for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text) if ":" not in link}
    assert [link for link in links if not (page.parent / link).exists()] == []
    named = re.findall(r"`((?:flags|docs|tests|benchmarks|yt8m_attention)/[\w./]+\.(?:py|md|flags|sh))`", text)
    inner = re.findall(r"`((?:models|layers|losses|inference|ensembling)/(?!test_)\w+\.py)`", text)
    named += [f"yt8m_attention/{path}" for path in inner]
    yours = {"flags/mine.flags", "flags/mine_phase1.flags", "flags/mine_phase2.flags"}
    absent = [name for name in {*named} - yours if "MODEL" not in name and "DATA" not in name]
    assert [name for name in absent if not (ROOT / name).exists()] == []


def test_the_pages_of_the_issue_are_there():
    names = {page.stem for page in PAGES}
    assert {"data", "models", "training", "evaluation", "performance", "troubleshooting", "gcp", "serving"} <= names


def test_every_page_of_docs_is_linked_from_the_readme():
    linked = re.findall(r"\]\((docs/[^)#]+)\)", PAGES[0].read_text("utf-8"))
    assert {str(page.relative_to(ROOT)) for page in (ROOT / "docs").glob("*.md")} <= set(linked)


def test_the_job_of_vertex_ai_is_whole():
    """Its parts name each other as they should."""
    (docker,), (job,) = (blocks(ROOT / "docs/gcp.md", language) for language in ("Dockerfile", "yaml"))
    script = next(text for text in blocks(ROOT / "docs/gcp.md", "sh") if "SAVED=" in text)
    assert "/yt8m/vertex.sh" in docker and "COPY . /yt8m" in docker
    assert [command for command, _ in calls(script)] == ["run_train.sh", "run_eval.sh"]
    image = re.search(r"imageUri: ([^}]+)}", job)[1]
    assert f"--tag={image} " in " ".join(blocks(ROOT / "docs/gcp.md", "sh"))


def startup_script():
    return next(text for text in blocks(ROOT / "docs/gcp.md", "sh") if text.startswith("#!/bin/bash"))


def test_the_start_up_script_trains_evaluates_and_ranks():
    script = startup_script()
    assert [command for command, _ in calls(script)] == ["run_train.sh", "run_eval.sh", "inference"]


def test_the_start_up_script_goes_on_after_every_boot(tmp_path):
    """As a VM that was taken away at first, then failed, then was mended; its programs only say that they ran."""
    home, bin_dir, log = tmp_path / "home", tmp_path / "bin", tmp_path / "log"
    bin_dir.mkdir()
    recorder = f'#!/bin/bash\necho "$(basename "$0") $*" >>{log}\n'
    for name in ("apt-get", "modprobe", "shutdown", "gcloud"):
        (bin_dir / name).write_text(recorder)
    (bin_dir / "nvidia-smi").write_text(f"{recorder}grep -q modprobe {log}\n")
    train, ends = tmp_path / "train.sh", tmp_path / "ends"
    ends.write_text("143\n2\n0\n")
    train.write_text(f"#!/bin/bash\necho trained >>{log}\nend=$(head -1 {ends})\nsed -i 1d {ends}\nexit $end\n")
    others = f'#!/bin/bash\\necho "$(basename \\$0)" >>{log}'
    (bin_dir / "git").write_text(
        f'{recorder}mkdir -p "$3/.venv/bin"\ncp {train} "$3/run_train.sh"\n'
        f'printf \'{others}\\n\' | tee "$3/run_eval.sh" "$3/.venv/bin/yt8m-inference" >/dev/null\n'
        'chmod +x "$3"/*.sh "$3"/.venv/bin/*\n'
    )
    for file in bin_dir.iterdir():
        file.chmod(0o755)
    script = tmp_path / "startup.sh"
    script.write_text(startup_script().replace("/opt/yt8m", str(home)))
    environment = {"PATH": f"{bin_dir}:/usr/bin:/bin"}
    statuses = [subprocess.run(["bash", script], env=environment, capture_output=True).returncode for _ in range(3)]
    assert statuses == [143, 2, 0]
    taken, failed, done = (boot.splitlines() for boot in log.read_text().split("shutdown -h now\n")[:3])
    assert sum(line.startswith(("git clone", "modprobe")) for line in taken) == 2
    assert not any(line.startswith(("git clone", "modprobe")) for line in failed + done)
    assert all(boot.count("trained") == 1 for boot in (taken, failed, done))
    kept = [[line for line in boot if line.startswith("gcloud storage")] for boot in (taken, failed, done)]
    assert not kept[0] and kept[1][-1].endswith("/failed") and "submission.csv" in kept[2][0] and len(kept[2]) == 1
