"""A page by `report` about a small run with both phases."""

import pytest

from tests import commands
from tests.training import runs
from yt8m_attention.training import phase

NASTY = '</script><img src=x onerror="document.title=1">'


@pytest.fixture(scope="session")
def two_phases(planted, tmp_path_factory):
    """Directory with phase1/ and phase2/, which starts from phase1/."""
    folder = tmp_path_factory.mktemp("run")
    model, start = {"model": "multi_attention"}, {"init_checkpoint": str(folder / "phase1")}
    phase.train(runs.small(planted, folder / "phase1", model=model, max_steps=4), {})
    phase.train(runs.small(planted, folder / "phase2", True, model=model, max_steps=3, **start), {})
    return folder


@pytest.fixture(scope="session")
def written(two_phases, planted, tmp_path_factory):
    """(path of the page, result of the command)."""
    folder = tmp_path_factory.mktemp("report")
    names = folder / "names.csv"
    names.write_text("Index,Name\n" + "".join(f'{c},"{NASTY.replace(chr(34), chr(34) * 2)} {c}"\n' for c in range(6)))
    result = commands.succeed(
        "report", f"--train_dir={two_phases / 'phase2'}", f"--input_data_pattern={planted}/test/*.tfrecord",
        f"--vocabulary={names}", f"--output_file={folder / 'report.html'}",
    )  # fmt: skip
    return folder / "report.html", result
