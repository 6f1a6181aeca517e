"""What a run of run_train.sh trains with, flagfiles and defaults included.

`python -m benchmarks.run_settings DATA MODEL,... [flags of train]` prints it as JSON, {model: {phase: config.Run}}.
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
# Beside all of model, phase and sampling.
_OF_DATA, _OF_RUN = ("segment_size", "shuffle_shards"), ("precision", "save_checkpoint_steps")


def effective(data, models, given=()):
    """{model: {phase: {flag: value}}} of networks on a kind of data, with further flags given, as JSON would hold it:
    every flag that changes what comes of a run. Raises as `runs` does.
    """
    found = runs(data, models, given)
    return {model: {phase: of_run(run) for phase, run in phases.items()} for model, phases in found.items()}


def runs(data, models, given=()):
    """{model: {phase: config.Run}}, as run_train.sh would make them, but for the places of what is read and written.

    In a process of its own, since one process can define the flags of one command only.

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
    data, models, *given = sys.argv[1:]
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
    """The Run of `train`'s flags, put together as run_train.sh does, but for the files' places."""
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
    """{flag: value} of one phase's config.Run."""
    saved = config.to_dict(run)
    data = saved["data"]
    found = saved["model"] | saved["phase"] | data["sampling"] | {name: data[name] for name in _OF_DATA}
    found |= {name: saved[name] for name in _OF_RUN}
    found |= found.pop("augmentation")
    del found["init_checkpoint"]
    return json.loads(json.dumps(found))


def differences(there, here):
    """In which flags two `effective`s differ, in words; a flag that only one of them knows of is none."""
    return [
        f"{phase} {difference}"
        for phase in PHASES
        for difference in run_file.differences(
            {flag: value for flag, value in there[phase].items() if flag in here[phase]}, here[phase]
        )
    ]


if __name__ == "__main__":
    main()
