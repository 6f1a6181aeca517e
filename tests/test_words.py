"""Phrases and names at which readers stop are absent; CONTRIBUTING.md says how the project writes instead."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SUFFIXES = (".py", ".md", ".sh", ".flags", ".js", ".css", ".toml")
# Written so that a plain search finds them nowhere, here included.
PHRASES = re.compile(
    r"so[ -]many|so[ -]manieth|puts?[ ]up[ ]with|go(es|ne)[ ]on[ ]with|pass(es|ed)?[ ]over\b|(is|are|was|were)[ ]said\b"
    r"|to[ ]be[ ]had\b|as[ ]good[ ]as[ ]removed|of[ ]which[ ](those|the|local)|owes[ ]to|[ ]utters|factor[ ]on[ ]the"
    r"|\bisland[s]?\b|made[_]once|own[_]features|re[l]abelled|own[_]share|[_]lesson\b|\b[_]answers\b|[ ]film[(]",
    re.IGNORECASE,
)


def test_phrases_at_which_readers_stop_are_absent():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    paths = [ROOT / name for name in listed if name.endswith(SUFFIXES) and (ROOT / name).is_file()]
    if not paths:
        pytest.skip("no git checkout")
    found = []
    for path in paths:
        # A phrase may continue on the next line, behind the sign of a comment.
        text = re.sub(r"\n\s*(#|//)?\s*", " ", path.read_text("utf-8"))
        around = (text[max(0, m.start() - 40) : m.end() + 40] for m in PHRASES.finditer(text))
        found += [f"{path.relative_to(ROOT)}: {part}" for part in around]
    assert found == []
