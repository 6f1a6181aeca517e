"""Runs a command with every one of its flags at nonsense values, one after another.

    python -m tests.cli.nonsense COMMAND JOB

JOB is a JSON file: `base`, arguments with which the command succeeds; `folder` and `file`, paths to misuse; `whole`,
whether the command is carried out, each case in a process of its own. Where not, what it calls once its flags have
become a configuration is put out of action: what is tested is the way there. JSON is written in its place, a list of
[flag, value, status, standard output, standard error or traceback].
"""

import contextlib
import importlib
import io
import json
import os
import resource
import signal
import sys
import tempfile
import traceback
from types import ModuleType, SimpleNamespace

from absl.testing import flagsaver

NUMBERS = ("", "abc", "-1", "0", "-99999999999", "1" + 30 * "0", "99999", "nan", "inf", "-inf", "1e999", "1.5", "1,2")
TEXTS = (
    "",
    " ",
    "/proc/nowhere/at/all",  # where nobody can make anything
    "{folder}",
    "{file}",
    "'\"*?[;\x1b[31m\n{{}}%s",
    "x" * 5000,
    "none://x/y",
    "\u00e9,",
)
LISTS = (
    "",
    ",",
    "a",
    "-1,-1",
    "0,0",
    "1,2,3,4,5,6,7",
    "1" + 30 * "0",
    "1.5,2",
    "nan",
    "\u00e9,\u00e9",
    "rgb,audio,rgb",
)
MEMORY, SECONDS = 8 << 30, 60  # of a command that is carried out
STOPPED = "stopped while it ran"


def values(flag):
    """Nonsense for a flag, by what it takes."""
    kind = flag.flag_type()
    if kind in ("int", "float"):
        return NUMBERS
    if kind == "bool":
        return ("maybe", "2", "")
    if kind == "string enum":
        return ("nonsense", "", f"{flag.parser.enum_values[0].upper()} ")
    return LISTS if "list" in kind else TEXTS


def command_flags():
    """Every flag of ours that the command has."""
    from yt8m_attention.cli import options

    return options.ours()


def cases(job):
    """(flag's name, value) of every case."""
    for flag in command_flags():
        for value in values(flag):
            yield flag.name, value.replace("{folder}", job["folder"]).replace("{file}", job["file"])


def run(main, arguments):
    """-> (status, standard output, standard error or traceback)."""
    from yt8m_attention.cli import app

    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), flagsaver.flagsaver():
        try:
            status = app._status(main, "", arguments)
        except BaseException:
            status = 1
            traceback.print_exc()
    return status, *(stream.buffer.getvalue().decode() for stream in (out, err))


def run_apart(main, arguments, folder):
    """The same in a process of its own, with bounds on its memory and time, and a directory to leave things in."""
    with tempfile.NamedTemporaryFile() as answer:
        child = os.fork()
        if not child:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            signal.alarm(SECONDS)
            os.chdir(folder)
            with open(answer.name, "w") as file:
                json.dump(run(main, arguments), file)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        text = answer.read()
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
            return 0, "", STOPPED
        return json.loads(text) if text else (status, "", f"the process ended with {status}")


def preload():
    """Imports what takes long before the processes part, which is safe as long as nothing has been run with it."""
    for name in ("tensorflow", "keras", "pandas"):
        importlib.import_module(name)


def disarm():
    """Puts what the commands call out of action; what they hand over to be called is called."""
    from yt8m_attention import config

    phase = config.Phase(max_steps=1, holdout_fraction=0.1)
    settings = config.Run("d", "p", config.Model(), config.Data(segment_classes=(1,)), phase)
    trained = SimpleNamespace(run=settings, model=None, path="checkpoint")

    def with_options(*_, change_data=None, held_out=None, **__):
        return {"data": str(change_data(settings.data)), "held_out": held_out(0.1)}

    def rank_models(inputs, make_job, change_data, max_per_class, rated):
        return {"job": str(make_job(change_data(settings.data), 0.1))}

    for name, attributes in {
        "training.phase": {"train": lambda *_: settings},
        "runs.restore": {"load": lambda *_: trained},
        "runs.model_archive": {"read": lambda *_: None, "write": lambda *_: None},
        "evaluation.evaluate_checkpoints": {"evaluate": with_options, "follow": with_options},
        "evaluation.evaluate_submission": {"score": lambda *_, **__: {}},
        "inference.rank": {
            "rank_segments": lambda *_: {},
            "rank_classes": lambda *_: {},
            "RankingJob": lambda **_: None,
        },
        "localization.localize": {"run": lambda *_: {}, "MomentsJob": lambda **_: None},
        "ensembling.ensemble": {
            "rank_models": rank_models,
            "rank_files": lambda *_: {},
            "Inputs": lambda *_: None,
            "Rated": lambda *_: None,
        },
        "ensembling.pseudo_label_files": {"write": lambda *_: {}, "PseudoLabelJob": lambda **_: None},
        "export.saved_model": {"export": lambda *_, **__: {}},
        "synthesis.dataset": {"make": lambda *_: {}},
        "reports.report": {"write": lambda job: with_options(**vars(job)), "ReportJob": SimpleNamespace},
    }.items():
        module = ModuleType(name)
        vars(module).update(attributes)
        sys.modules[f"yt8m_attention.{name}"] = module
        package, _, name = name.rpartition(".")
        setattr(importlib.import_module(f"yt8m_attention.{package}"), name, module)  # where it is imported already


def main():
    from yt8m_attention.cli import app

    command, place = sys.argv[1:]
    with open(place) as file:
        job = json.load(file)
    module = importlib.import_module(f"yt8m_attention.{command}")
    app.define(module.OPTIONS)
    if job["whole"]:
        preload()
    else:
        disarm()
    wanted = [(name, value) for name, value in cases(job) if [name, value] in job.get("only", [[name, value]])]
    found = []
    for name, value in wanted:
        with tempfile.TemporaryDirectory() as new:
            base = [part.replace("{new}", new) for part in job["base"]]
            arguments = module.main, [command, *base, f"--{name}={value}"]
            found.append((name, value, *(run_apart(*arguments, new) if job["whole"] else run(*arguments))))
    with open(place, "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()
