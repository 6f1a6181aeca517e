"""Determines the settings of a run of run_train.sh from flagfiles, flags and defaults.

`python -m benchmarks.run_settings DATA MODEL,... [flags of train]` prints them as JSON, {model: {phase: config.Run}}.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from absl import flags

from yt8m_attention import config
from yt8m_attention.errors import UserError
from yt8m_attention.runs import run_file

ROOT = Path(__file__).resolve().parent.parent
FLAGFILES = ROOT / "flags"
PHASES = {"phase1": (), "phase2": ("--segment_labels",)}
# In addition to all fields of model, phase and sampling.
_OF_DATA, _OF_RUN = ("segment_size", "shuffle_shards"), ("precision", "save_checkpoint_steps")


def effective(data, models, given=()):
    """Returns {model: {phase: {flag: value}}} with all flags that change the result of a run, in the form of JSON.

    Args and Raises: as `runs`.
    """
    found = runs(data, models, given)
    return {model: {phase: of_run(run) for phase, run in phases.items()} for model, phases in found.items()}


def runs(data, models, given=()):
    """Returns {model: {phase: config.Run}} like run_train.sh, without its input and output paths.

    Runs in its own process, because a process can define the flags of one command only.

    Args:
      data: kind of data, as in the names of flagfiles.
      models: names of networks.
      given: additional flags of `train`.

    Raises:
      UserError: for flags that `train` does not take.
    """
    command = [sys.executable, "-m", "benchmarks.run_settings", data, ",".join(models), *given]
    child = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    if child.returncode:
        raise UserError(child.stderr.strip().splitlines()[-1])
    found = json.loads(child.stdout.splitlines()[-1])
    return {
        model: {phase: config.from_dict(config.Run, run) for phase, run in phases.items()}
        for model, phases in found.items()
    }


def main():
    from yt8m_attention.cli import app, training

    data, models, *given = sys.argv[1:]
    app.define(training.OPTIONS)
    try:
        print(json.dumps({
            model: {
                phase: config.to_dict(_parsed(data, model, phase, (*more, *given))) for phase, more in PHASES.items()
            }
            for model in models.split(",")
        }))  # fmt: skip
    except (UserError, flags.Error) as error:
        sys.exit(str(error))


def _parsed(data, model, phase, given):
    """Parses the flags of `train` like run_train.sh, without input and output paths, to a config.Run."""
    from yt8m_attention.cli import app, training

    names = (phase, model, data, f"{data}_{phase}")
    paths = [path for path in (FLAGFILES / f"{name}.flags" for name in names) if path.exists()]
    places = ("--train_dir=.", "--train_data_pattern=.")
    try:
        app.parse(["train", *(f"--flagfile={path}" for path in paths), *places, *given])
        return training.run()
    finally:
        for name in flags.FLAGS:
            flags.FLAGS[name].unparse()
        flags.FLAGS.unparse_flags()


def of_run(run):
    """Returns {flag: value} of the config.Run of one phase."""
    saved = config.to_dict(run)
    data = saved["data"]
    found = saved["model"] | saved["phase"] | data["sampling"] | {name: data[name] for name in _OF_DATA}
    found |= {name: saved[name] for name in _OF_RUN}
    found |= found.pop("augmentation")
    del found["init_checkpoint"]
    return json.loads(json.dumps(found))


def differences(there, here):
    """Describes the flags that differ between two results of `effective`. Ignores flags that only one side has."""
    return [
        f"{phase} {difference}"
        for phase in PHASES
        for difference in run_file.differences(
            {flag: value for flag, value in there[phase].items() if flag in here[phase]}, here[phase]
        )
    ]


if __name__ == "__main__":
    main()
