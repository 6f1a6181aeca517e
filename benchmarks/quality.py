"""Trains networks in both phases with several seeds, scores them, and writes the table in RESULTS.md.

  python -m benchmarks.quality --data=audioset --models=all --seeds=3 [--data_dir=DIR] [--work_dir=DIR]
  python -m benchmarks.quality ... --models=multi_attention_1 --variant=bfloat16 --extra=--precision=mixed_bfloat16

Each run is a run of run_train.sh: flagfiles phase1 and phase2, of the network, of the data and its budgets, then one
evaluation of each phase on the test split of DIR. Checkpoints are chosen on held-out training videos, never on the test
split. Training is always in float32, so that rows of different machines compare. Evaluation uses the precision that the
machine chooses, which changes MAP in the fourth decimal.

The result of a finished run is a file in the results directory, benchmarks/results/DATA/NETWORK/seedN.json, which
belongs into the repository. A run with a result is skipped. An interrupted run resumes from its last checkpoint in the
work directory. The table is written after each run. --variant names the flags that --extra adds to `train`; its rows
are `NETWORK@VARIANT`. Each result has the settings of its training. A result with other settings stops the command, so
that no row mixes settings; results without settings are not checked. The last line of standard output is JSON.
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
# With --quick: only checks that it runs; the scores mean nothing.
QUICK = ("--max_steps=2", "--batch_size=8", "--save_checkpoint_steps=2")


def parser(description):
    """Makes a parser of the flags that select a comparison, for all benchmarks of one."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, choices=DATA)
    parser.add_argument("--results_dir", default=RESULTS_DIR, type=Path,
                        help="results of finished runs, which are skipped; default: benchmarks/results")  # fmt: skip
    return parser


def add_data_dir(parser):
    parser.add_argument("--data_dir", help="with train/, validate/, test/, segment_label_ids.csv; "
                                           "$YT8M_SHARED_DATA/DATA or ../shared/data/DATA")  # fmt: skip


def data_dir(arguments):
    """Returns --data_dir, or the default directory of real data beside the repository."""
    shared = os.environ.get("YT8M_SHARED_DATA") or ROOT.parent / "shared" / "data"
    return arguments.data_dir or os.path.join(shared, arguments.data)


def networks():
    """Returns the names of all networks: the flagfiles with `--model`."""
    paths = sorted(run_settings.FLAGFILES.glob("*.flags"))
    return [path.stem for path in paths if re.search("^--model=", path.read_text("utf-8"), re.M)]


def patterns(data_dir, quick):
    """Returns {setting of run_train.sh: its files}; quick: one file of each."""
    splits = {"TRAIN_DATA": "train", "SEGMENT_DATA": "validate", "EVAL_DATA": "test"}
    found = {name: os.path.join(os.path.abspath(data_dir), split, "*.tfrecord") for name, split in splits.items()}
    for pattern in found.values():
        if not glob.glob(pattern):
            raise UserError(f"--data_dir={data_dir}: has no {pattern}; name the directory of the data "
                            "(benchmarks/README.md names its source)")  # fmt: skip
    return {name: sorted(glob.glob(pattern))[0] if quick else pattern for name, pattern in found.items()}


def measure(data, settings, model, seed, run_dir, quick, extra=()):
    """Trains and scores one network with one seed; returns its result as a dict for JSON."""
    environment = {"VIRTUAL_ENV": sys.prefix, "PYTHONPATH": str(ROOT), "DATA": data, "MODEL": model} | settings
    command = [str(ROOT / "run_train.sh"), f"--seed={seed}", "--keep_checkpoints=1", FLOAT32, *extra,
               *(QUICK if quick else ())]  # fmt: skip
    trained = _result(command, run_dir, environment | {"RUN_DIR": str(run_dir)})
    scoring = [sys.executable, "-m", "yt8m_attention.inference", f"--train_dir={run_dir}/phase2", "--segment_labels",
               # One file is enough to measure the speed.
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
        # 0 if phase 1 had finished before this start: unknown.
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
    """Runs a command with its log in RUN_DIR.log; returns its JSON. An interrupt also stops the command."""
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
    """Reads {class id: average precision} from `eval --per_class_file`; ids are strings, as in JSON."""
    with open(path, encoding="utf-8") as file:
        return {row["class"]: round(float(row["average_precision"]), 5) for row in csv.DictReader(file)}


def _budget(train_dir):
    phase = files.read_json(train_dir / "run.json")["config"]["phase"]
    return f"{phase['max_steps']} steps of {phase['batch_size']}"


def _check_same(folder, name, settings):
    """Checks that all results of a row have the same settings.

    Raises:
      UserError: if a finished run of that name was trained with other settings, see run_settings.
    """
    for path in sorted((folder / name).glob("seed*.json")):
        saved = files.read_json(path).get("settings")
        differing = run_settings.differences(saved, settings) if saved else []
        if differing:
            raise UserError(f"{path} was trained with other settings ({'; '.join(differing)}); give the same settings, "
                            "a --variant with --extra or another --results_dir, or remove that file")  # fmt: skip


def _check_same_run(run_dir, settings):
    """Checks that an interrupted run resumes with the same settings.

    Raises:
      UserError: if a phase of the run began with other settings, see run_settings.
    """
    begun = {name: run_dir / name for name in run_settings.PHASES if (run_dir / name / "run.json").exists()}
    found = {name: run_settings.of_run(run_file.read(str(path))) for name, path in begun.items()}
    differing = run_settings.differences(settings | found, settings)
    if differing:
        raise UserError(f"{run_dir} began with other settings ({'; '.join(differing)}); give the same settings, a "
                        "--variant with --extra or another --work_dir, or remove that directory")  # fmt: skip


def run(data, settings, models, seeds, work_dir, results_dir, results_file, quick=False, variant=None, extra=()):
    """Measures all unfinished runs seed by seed, so that each network has one seed before any has two.

    Args:
      data: kind of data, one of DATA.
      settings: result of patterns.
      models: names of networks.
      seeds: number of seeds.
      work_dir: directory of the runs with their checkpoints.
      results_dir: directory of the results of finished runs.
      results_file: Markdown file for the table of all results.
      quick: whether runs take two steps only.
      variant, extra: name and flags of a variant.

    Returns:
      dict for the JSON line.

    Raises:
      UserError: before any training, if a finished run was trained with other settings.
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
            # Large, and not needed any more.
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
                      help="directory of the runs, which resume from it; default: runs/quality")  # fmt: skip
    flag.add_argument("--models", default="all", help="comma-separated names of flagfiles, or all")
    flag.add_argument("--seeds", type=int, default=3)
    flag.add_argument(
        "--results_file", type=Path, help="file of the table; default: benchmarks/RESULTS.md unless --quick"
    )
    flag.add_argument("--quick", action="store_true", help="two steps on one file, to check that it runs")
    flag.add_argument("--variant", help="name of the variant that --extra trains")
    flag.add_argument("--extra", action="append", default=[], help="additional flag of `train`; can be repeated")
    arguments = flag.parse_args()
    if bool(arguments.variant) != bool(arguments.extra) or not re.fullmatch(r"\w*", arguments.variant or ""):
        sys.exit("quality: --variant: wanted a name of letters and digits together with --extra, or neither")
    known = networks()
    arguments.models = known if arguments.models == "all" else arguments.models.split(",")
    for model in arguments.models:
        if model not in known:
            sys.exit(f"quality: --models: unknown network {model!r}; wanted some of {', '.join(known)}")
    return arguments


if __name__ == "__main__":
    main()
