"""What a run of run_train.sh trains with: every flag that changes what comes of it, flagfiles and defaults included."""

import json
from pathlib import Path

from absl import flags

from yt8m_attention import config
from yt8m_attention.cli import app, train_flags
from yt8m_attention.training import run_file

FLAGFILES = Path(__file__).resolve().parent.parent / "flags"
PHASES = {"phase1": (), "phase2": ("--segment_labels",)}
# Beside all of model, phase and sampling.
_OF_DATA, _OF_RUN = ("segment_size", "shuffle_shards"), ("precision", "save_checkpoint_steps")


def effective(data, model, given=()):
    """{phase: {flag: value}} of a network on a kind of data, with further flags given, as JSON would hold it.

    Raises:
      UserError, absl.flags.Error: for flags that `train` does not take.
    """
    return {phase: of_run(_parsed(data, model, phase, (*more, *given))) for phase, more in PHASES.items()}


def _parsed(data, model, phase, given):
    """The Run of `train`'s flags, put together as run_train.sh does, but for the files' places."""
    names = (phase, model, data, f"{data}_{phase}")
    paths = [path for path in (FLAGFILES / f"{name}.flags" for name in names) if path.exists()]
    places = ("--train_dir=.", "--train_data_pattern=.")
    try:
        app.parse(["train", *(f"--flagfile={path}" for path in paths), *places, *given])
        return train_flags.run()
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
