"""What every network scores, trained in both phases over several seeds: a table in RESULTS.md.

  python -m benchmarks.quality --data=audioset --models=all --seeds=3 [--data_dir=DIR] [--work_dir=DIR]
  python -m benchmarks.quality ... --models=multi_attention_1 --variant=bfloat16 --extra=--precision=mixed_bfloat16

Each run is run_train.sh's own: flagfiles phase1 and phase2, the network's, the data's and its budgets, then one
evaluation of either phase on DIR's test split. Checkpoints are chosen on held-out training videos, so the test split
chooses nothing. Training is in float32, whatever the machine would choose, so that rows of several machines compare;
evaluation is in what it chooses, which moves MAP in the fourth decimal.

What came of a finished run is one file of the results directory, benchmarks/results/DATA/NETWORK/seedN.json, which
belongs into the repository; such a run is skipped. An interrupted one goes on from its last checkpoint in the work
directory, and the table is written anew after each. A variant, of what --extra adds to `train`'s flags, is a network of
its own there: `NETWORK@VARIANT`. Each result keeps the settings that it was trained with, and one of other settings
than the present ones stops the command, so that no row mixes them; of results that do not say it, nobody knows. The
last line of standard output is JSON.
"""

import argparse
import csv
import datetime
import glob
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks import harness, quality_table, run_settings
from yt8m_attention import files
from yt8m_attention.errors import UserError
from yt8m_attention.runs import checkpoints, run_file

ROOT = Path(__file__).resolve().parent.parent
DATA = ("audioset", "collage")
RESULTS_DIR = ROOT / "benchmarks" / "results"
FLOAT32 = "--precision=float32"
# With --quick: does it run? What comes of it says nothing.
QUICK = ("--max_steps=2", "--batch_size=8", "--save_checkpoint_steps=2")


def parser(description):
    """Of the flags that say which comparison is meant; for all that is told of one."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, choices=DATA)
    parser.add_argument("--results_dir", default=RESULTS_DIR, type=Path,
                        help="results of finished runs, kept for the next time; benchmarks/results")  # fmt: skip
    return parser


def add_data_dir(parser):
    parser.add_argument("--data_dir", help="with train/, validate/, test/, segment_label_ids.csv; "
                                           "$YT8M_SHARED_DATA/DATA or ../shared/data/DATA")  # fmt: skip


def data_dir(arguments):
    """--data_dir, or where real data lies beside the repository."""
    shared = os.environ.get("YT8M_SHARED_DATA") or ROOT.parent / "shared" / "data"
    return arguments.data_dir or os.path.join(shared, arguments.data)


def networks():
    """The names of all networks: the flagfiles that say `--model`."""
    paths = sorted(run_settings.FLAGFILES.glob("*.flags"))
    return [path.stem for path in paths if re.search("^--model=", path.read_text("utf-8"), re.M)]


def patterns(data_dir, quick):
    """{run_train.sh's setting: the files it names}; quick: one file of each."""
    splits = {"TRAIN_DATA": "train", "SEGMENT_DATA": "validate", "EVAL_DATA": "test"}
    found = {name: os.path.join(os.path.abspath(data_dir), split, "*.tfrecord") for name, split in splits.items()}
    for pattern in found.values():
        if not glob.glob(pattern):
            raise UserError(f"--data_dir={data_dir}: there is no {pattern}; name the data's directory "
                            "(benchmarks/README.md tells where it comes from)")  # fmt: skip
    return {name: sorted(glob.glob(pattern))[0] if quick else pattern for name, pattern in found.items()}


def measure(data, settings, model, seed, run_dir, quick, extra=()):
    """Trains and scores one network with one seed; returns what is known of it, as JSON can hold it."""
    environment = {"VIRTUAL_ENV": sys.prefix, "PYTHONPATH": str(ROOT), "DATA": data, "MODEL": model} | settings
    command = [str(ROOT / "run_train.sh"), f"--seed={seed}", "--keep_checkpoints=1", FLOAT32, *extra,
               *(QUICK if quick else ())]  # fmt: skip
    trained = _result(command, run_dir, environment | {"RUN_DIR": str(run_dir)})
    scoring = [sys.executable, "-m", "yt8m_attention.inference", f"--train_dir={run_dir}/phase2", "--segment_labels",
               # One file tells how fast it is.
               f"--input_data_pattern={min(glob.glob(settings['EVAL_DATA']))}",
               f"--output_file={run_dir}/segments.csv"]  # fmt: skip
    scored = _result(scoring, run_dir, environment)
    phases = [json.loads((run_dir / f"{name}.json").read_text().splitlines()[-1]) for name in run_settings.PHASES]
    _, arrays, _ = checkpoints.find(str(run_dir / "phase2"), "train_dir")
    return {
        "data": data,
        "model": model,
        "extra": list(extra),
        "seed": seed,
        "parameters": phases[0]["parameters"],
        "bytes": sum(array.nbytes for name, array in arrays.items() if name.startswith("model/")),
        # 0 where phase 1 was over when this run of it began: then nobody knows.
        "examples_per_second": phases[0]["examples_per_second"] or None,
        "segments_per_second": scored["segments_per_second"],
        "chance": trained["phase1"]["chance"],
        "copied": trained["phase1"]["copied_video_score_map"],
        "phase1": trained["phase1"]["segment_map"],
        "phase2": trained["phase2"]["segment_map"],
        "average_precisions": {
            name: _average_precisions(run_dir / f"{name}_classes.csv") for name in run_settings.PHASES
        },
        "budget": [_budget(run_dir / name) for name in run_settings.PHASES],
        "commit": harness.commit(),
        "hardware": harness.hardware(),
        "date": datetime.date.today().isoformat(),
    }


def _result(command, run_dir, environment):
    """Runs a command, its words going to RUN_DIR.log; returns its JSON. Told to stop, it stops the command too."""
    with open(f"{run_dir}.log", "a", encoding="utf-8") as log:
        child = subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            out, _ = child.communicate()
        except BaseException:
            child.terminate()
            child.wait()
            raise
    if child.returncode:
        raise RuntimeError(f"{os.path.basename(command[0])} ended with status {child.returncode}; see {run_dir}.log")
    return json.loads(out.splitlines()[-1])


def _average_precisions(path):
    """{class id: average precision} of `eval --per_class_file`, the ids as text, as JSON has them."""
    with open(path, encoding="utf-8") as file:
        return {row["class"]: round(float(row["average_precision"]), 5) for row in csv.DictReader(file)}


def _budget(train_dir):
    phase = files.read_json(train_dir / "run.json")["config"]["phase"]
    return f"{phase['max_steps']} steps of {phase['batch_size']}"


def _check_same(folder, name, settings):
    """Makes sure that a row holds one way to train.

    Raises:
      UserError: where a finished run of that name was trained with other settings, see run_settings.
    """
    for path in sorted((folder / name).glob("seed*.json")):
        saved = files.read_json(path).get("settings")
        differing = run_settings.differences(saved, settings) if saved else []
        if differing:
            raise UserError(f"{path} was trained with other settings ({'; '.join(differing)}); give the same, a "
                            "--variant with --extra, or another --results_dir, or remove that file")  # fmt: skip


def _check_same_run(run_dir, settings):
    """Makes sure that an interrupted run would go on as it began.

    Raises:
      UserError: where a phase of it was begun with other settings, see run_settings.
    """
    begun = {name: run_dir / name for name in run_settings.PHASES if (run_dir / name / "run.json").exists()}
    there = {name: run_settings.of_run(run_file.read(str(path))) for name, path in begun.items()}
    differing = run_settings.differences(settings | there, settings)
    if differing:
        raise UserError(f"{run_dir} was begun with other settings ({'; '.join(differing)}); give the same, a --variant "
                        "with --extra, or another --work_dir, or remove that directory")  # fmt: skip


def run(data, settings, models, seeds, work_dir, results_dir, results_file, quick=False, variant=None, extra=()):
    """Measures what is not finished yet, seed by seed, so that every network has one before any has two.

    Args:
      work_dir: where runs are, checkpoints and all.
      results_dir: where a file for each finished run is.
      results_file: where the table of all of them goes.

    Returns:
      the JSON line's dict.

    Raises:
      UserError: before anything is trained, where a finished run was trained with other settings.
    """
    folder, failed = results_dir / data, {}
    names = {model: f"{model}@{variant}" if variant else model for model in models}
    given = (FLOAT32, *extra, *(QUICK if quick else ()))
    trained_with = run_settings.effective(data, models, given)
    for model, name in names.items():
        _check_same(folder, name, trained_with[model])
    for seed in range(seeds):
        for model, name in names.items():
            path = folder / name / f"seed{seed}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                continue
            print(f"{data}, {name}, seed {seed}", file=sys.stderr, flush=True)
            try:
                run_dir = work_dir / data / name / f"seed{seed}"
                run_dir.parent.mkdir(parents=True, exist_ok=True)
                _check_same_run(run_dir, trained_with[model])
                result = measure(data, settings, model, seed, run_dir, quick, extra)
                files.write_json(str(path), result | {"settings": trained_with[model]}, indent=None)
            except (UserError, RuntimeError, OSError, ValueError, LookupError) as error:
                failed[f"{name}, seed {seed}"] = str(error)
                print(f"failed: {error}", file=sys.stderr, flush=True)
                continue
            # Large, and nothing needs them any more.
            shutil.rmtree(run_dir / "phase1" / "checkpoints", ignore_errors=True)
            quality_table.write_results(results_file, data, folder)
    results = quality_table.finished(folder)
    if results:
        quality_table.write_results(results_file, data, folder)
    median = {model: statistics.median(r["phase2"] for r in of_model) for model, of_model in results.items()}
    counts = {model: len(of_model) for model, of_model in results.items()}
    return {"name": "quality", "unit": "MAP", "data": data, "ours": median, "seeds": counts, "failed": failed,
            "commit": harness.commit(), "hardware": harness.hardware()}  # fmt: skip


def main():
    arguments = _arguments()
    work_dir = arguments.work_dir.absolute() / ("quick" if arguments.quick else "")
    results_dir = work_dir / "results" if arguments.quick else arguments.results_dir.absolute()
    results_file = arguments.results_file or (work_dir if arguments.quick else ROOT / "benchmarks") / "RESULTS.md"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        settings = patterns(data_dir(arguments), arguments.quick)
        line = run(arguments.data, settings, arguments.models, arguments.seeds, work_dir, results_dir,
                   results_file, arguments.quick, arguments.variant, arguments.extra)  # fmt: skip
    except UserError as error:
        sys.exit(f"quality: {error}")
    print(json.dumps(line), flush=True)
    sys.exit(1 if line["failed"] else 0)


def _arguments():
    flag = parser(__doc__)
    add_data_dir(flag)
    flag.add_argument("--work_dir", default=Path("runs/quality"), type=Path,
                      help="the runs, to go on with the next time; runs/quality")  # fmt: skip
    flag.add_argument("--models", default="all", help="names of flagfiles with commas between, or all")
    flag.add_argument("--seeds", type=int, default=3)
    flag.add_argument("--results_file", type=Path, help="benchmarks/RESULTS.md unless --quick")
    flag.add_argument("--quick", action="store_true", help="two steps on one file: does it run")
    flag.add_argument("--variant", help="the name of a way to train that differs by --extra")
    flag.add_argument("--extra", action="append", default=[], help="a flag of `train` more; may be given repeatedly")
    arguments = flag.parse_args()
    if bool(arguments.variant) != bool(arguments.extra) or not re.fullmatch(r"\w*", arguments.variant or ""):
        sys.exit("quality: --variant: wanted letters and digits that name what --extra changes, both or neither")
    known = networks()
    arguments.models = known if arguments.models == "all" else arguments.models.split(",")
    for model in arguments.models:
        if model not in known:
            sys.exit(f"quality: --models: there is no network {model!r}; there are {', '.join(known)}")
    return arguments


if __name__ == "__main__":
    main()
