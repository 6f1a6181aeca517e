"""The flagfile of the published ensemble, the only one that is not for `train`."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLAGFILE = ROOT / "flags" / "ensemble.flags"


def test_published_ensemble():
    code = f"""
from absl import flags
from yt8m_attention import ensemble
from yt8m_attention.cli import app
app.define(ensemble.OPTIONS)
app.parse(["ensemble", "--flagfile={FLAGFILE}"])
print(*flags.FLAGS.inputs, flags.FLAGS.method)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *inputs, method = done.stdout.split()
    kinds = [Path(name).parent.name.rstrip("_123") for name in inputs]
    members = {"multi_attention": 3, "attention": 3, "dbof": 2, "cnn": 2, "netvlad": 1, "gru": 1}
    assert {kind: kinds.count(kind) for kind in kinds} == members
    assert {Path(name).name for name in inputs} == {"phase2"}
    assert method == "mean"
