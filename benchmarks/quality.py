"""What every network scores, trained in both phases over several seeds: a table in RESULTS.md.

  python -m benchmarks.quality --data=audioset --data_dir=DIR --models=all --seeds=3 --work_dir=DIR
  python -m benchmarks.quality ... --models=multi_attention_1 --variant=bfloat16 --extra=--precision=mixed_bfloat16

Each run is run_train.sh's own: flagfiles phase1 and phase2, the network's, the data's and its budgets, then one
evaluation of either phase on DIR's test split. Checkpoints are chosen on held-out training videos, so the test split
chooses nothing. Finished runs are kept in the work directory and skipped, an interrupted one goes on from its last
checkpoint, and the table is written anew after each. A variant, of what --extra adds to `train`'s flags, is a network
of its own there: `NETWORK@VARIANT`. The last line of standard output is JSON.
"""

import argparse
import collections
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

from benchmarks import harness
from yt8m_attention import files
from yt8m_attention.training import checkpoints

ROOT = Path(__file__).resolve().parent.parent
DATA = ("audioset", "collage")
SPEED = "speed.json"  # beside a network's runs, by benchmarks.network_speed
# With --quick: does it run? What comes of it says nothing.
QUICK = ("--max_steps=2", "--batch_size=8", "--save_checkpoint_steps=2")
COLUMNS = ("network", "seeds", "parameters", "MB", "examples/s", "segments/s", "chance", "copied score", "phase 1",
           "phase 2")  # fmt: skip


def networks():
    """The names of all networks: the flagfiles that say `--model`."""
    paths = sorted((ROOT / "flags").glob("*.flags"))
    return [path.stem for path in paths if re.search("^--model=", path.read_text("utf-8"), re.M)]


def patterns(data_dir, quick):
    """{run_train.sh's setting: the files it names}; quick: one file of each."""
    splits = {"TRAIN_DATA": "train", "SEGMENT_DATA": "validate", "EVAL_DATA": "test"}
    found = {name: os.path.join(os.path.abspath(data_dir), split, "*.tfrecord") for name, split in splits.items()}
    for pattern in found.values():
        if not glob.glob(pattern):
            sys.exit(f"quality: --data_dir={data_dir}: there is no {pattern}; see benchmarks/README.md")
    return {name: sorted(glob.glob(pattern))[0] if quick else pattern for name, pattern in found.items()}


def measure(data, settings, model, seed, run_dir, quick, extra=()):
    """Trains and scores one network with one seed; returns what is known of it, as JSON can hold it."""
    environment = {"VIRTUAL_ENV": sys.prefix, "PYTHONPATH": str(ROOT), "DATA": data, "MODEL": model} | settings
    command = [str(ROOT / "run_train.sh"), f"--seed={seed}", "--keep_checkpoints=1", *extra, *(QUICK if quick else ())]
    trained = _result(command, run_dir, environment | {"RUN_DIR": str(run_dir)})
    scoring = [sys.executable, "-m", "yt8m_attention.inference", f"--train_dir={run_dir}/phase2", "--segment_labels",
               f"--input_data_pattern={settings['EVAL_DATA']}", f"--output_file={run_dir}/segments.csv"]  # fmt: skip
    scored = _result(scoring, run_dir, environment)
    phases = [json.loads((run_dir / f"{name}.json").read_text().splitlines()[-1]) for name in ("phase1", "phase2")]
    _, arrays, _ = checkpoints.find(str(run_dir / "phase2"), "train_dir")
    shutil.rmtree(run_dir / "phase1" / "checkpoints")  # large, and nothing needs them any more
    return {
        "data": data,
        "model": model,
        "extra": list(extra),
        "seed": seed,
        "parameters": phases[0]["parameters"],
        "bytes": sum(array.nbytes for name, array in arrays.items() if name.startswith("model/")),
        "examples_per_second": phases[0]["examples_per_second"],
        "segments_per_second": scored["segments_per_second"],
        "chance": trained["phase1"]["chance"],
        "copied": trained["phase1"]["copied_video_score_map"],
        "phase1": trained["phase1"]["segment_map"],
        "phase2": trained["phase2"]["segment_map"],
        "budget": [_budget(run_dir / name) for name in ("phase1", "phase2")],
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


def _budget(train_dir):
    phase = files.read_json(train_dir / "run.json")["config"]["phase"]
    return f"{phase['max_steps']} steps of {phase['batch_size']}"


def finished(folder):
    """Every result there is: {model: [result of each seed]}, the best median after phase 2 first."""
    by_model = collections.defaultdict(list)
    for path in sorted(folder.glob("*/seed*.json")):
        by_model[path.parent.name].append(files.read_json(path))
    return dict(sorted(by_model.items(), key=lambda item: -statistics.median(r["phase2"] for r in item[1])))


def measured_speeds(folder):
    """What benchmarks.network_speed has measured: {model: {key of a result: rate}}."""
    return {path.parent.name: files.read_json(path) for path in folder.glob(f"*/{SPEED}")}


def table(data, results, speeds):
    """The lines of RESULTS.md on one kind of data; results as finished, speeds as measured_speeds gives them."""
    every = [result for of_model in results.values() for result in of_model]

    def distinct(key, of=every):
        return ", ".join(sorted({str(result[key]) for result in of}))

    budgets = " or ".join(sorted({" then ".join(result["budget"]) for result in every}))
    lines = [
        f"MAP over rated segments of the test split of `{data}`: median (least to greatest over seeds). Controls: "
        "chance; after phase 1, each video's own score copied to its segments; phase 1 alone.",
        f"Budget of every row: {budgets}. Commit {distinct('commit')}; {distinct('hardware')}; {distinct('date')}.",
        _about_speeds([distinct(key, speeds.values()) for key in ("commit", "hardware", "date")] if speeds else None),
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|" + "---|" * len(COLUMNS),
    ]
    for model, of_model in results.items():
        first = of_model[0]
        rates = [_rate(of_model, speeds.get(model), key) for key in ("examples_per_second", "segments_per_second")]
        scores = [_spread(of_model, key) for key in ("chance", "copied", "phase1", "phase2")]
        cells = [f"`{model}`", len(of_model), f"{first['parameters']:,}", f"{first['bytes'] / 1e6:.1f}"]
        lines.append(f"| {' | '.join(map(str, cells + rates + scores))} |")
    return lines


def _about_speeds(measured):
    runs = "of the runs themselves, start, reading and whatever ran beside them included."
    if not measured:
        return f"Speeds (~) are {runs}"
    where = "; ".join(measured)
    return f"Speeds are of the phase-1 step and the scorer alone (`benchmarks.network_speed`; {where}); ~: {runs}"


def _median(results, key):
    return statistics.median(result[key] or 0 for result in results)


def _rate(results, speeds, key):
    return f"{speeds[key]:,.0f}" if speeds else f"~{_median(results, key):,.0f}"


def _spread(results, key):
    values = [result[key] for result in results]
    if min(values) == max(values):
        return f"{values[0]:.3f}"
    return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def write_results(path, data, folder):
    """Writes the table of all that a folder of runs holds."""
    write_table(path, data, table(data, finished(folder), measured_speeds(folder)))


def write_table(path, data, lines):
    """Puts lines between this data's markers in a Markdown file, which are made at its end where they are absent."""
    begin, end = f"<!-- quality {data} -->", f"<!-- end of quality {data} -->"
    text = path.read_text("utf-8") if path.exists() else "# Results\n"
    if begin not in text:
        text += f"\n## Quality: {data}\n\n{begin}\n{end}\n"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    with files.replacing(str(path), "w") as file:
        file.write(before + "\n".join([begin, "", *lines, "", end]) + after)


def run(data, settings, models, seeds, work_dir, results_file, quick=False, variant=None, extra=()):
    """Measures what is not finished yet, seed by seed, so that every network has one before any has two.

    Returns:
      the JSON line's dict.
    """
    folder, failed = work_dir / data, {}
    for seed in range(seeds):
        for model in models:
            name = f"{model}@{variant}" if variant else model
            path = folder / name / f"seed{seed}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                continue
            print(f"{data}, {name}, seed {seed}", file=sys.stderr, flush=True)
            try:
                result = measure(data, settings, model, seed, folder / name / f"seed{seed}", quick, extra)
            except (RuntimeError, OSError, ValueError, KeyError) as error:
                failed[f"{name}, seed {seed}"] = str(error)
                print(f"failed: {error}", file=sys.stderr, flush=True)
                continue
            files.write_json(str(path), result)
            write_results(results_file, data, folder)
    results = finished(folder)
    if results:
        write_results(results_file, data, folder)
    median = {model: _median(of_model, "phase2") for model, of_model in results.items()}
    counts = {model: len(of_model) for model, of_model in results.items()}
    return {"name": "quality", "unit": "MAP", "data": data, "ours": median, "seeds": counts, "failed": failed,
            "commit": harness.commit(), "hardware": harness.hardware()}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, choices=DATA)
    parser.add_argument("--data_dir", required=True, help="with train/, validate/, test/, segment_label_ids.csv")
    parser.add_argument("--models", default="all", help="names of flagfiles with commas between, or all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--work_dir", required=True, type=Path, help="runs and results, kept for the next time")
    parser.add_argument("--results_file", type=Path, help="benchmarks/RESULTS.md unless --quick")
    parser.add_argument("--quick", action="store_true", help="two steps on one file: does it run")
    parser.add_argument("--variant", help="the name of a way to train that differs by --extra")
    parser.add_argument("--extra", action="append", default=[], help="a flag of `train` more; may be given repeatedly")
    arguments = parser.parse_args()
    if bool(arguments.variant) != bool(arguments.extra) or not re.fullmatch(r"\w*", arguments.variant or ""):
        sys.exit("quality: --variant: wanted letters and digits that name what --extra changes, both or neither")
    known = networks()
    models = known if arguments.models == "all" else arguments.models.split(",")
    for model in models:
        if model not in known:
            sys.exit(f"quality: --models: there is no network {model!r}; there are {', '.join(known)}")
    work_dir = arguments.work_dir.absolute() / ("quick" if arguments.quick else "")
    work_dir.mkdir(parents=True, exist_ok=True)
    results_file = arguments.results_file or (work_dir if arguments.quick else ROOT / "benchmarks") / "RESULTS.md"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    settings = patterns(arguments.data_dir, arguments.quick)
    line = run(arguments.data, settings, models, arguments.seeds, work_dir, results_file, arguments.quick,
               arguments.variant, arguments.extra)  # fmt: skip
    print(json.dumps(line), flush=True)
    sys.exit(1 if line["failed"] else 0)


if __name__ == "__main__":
    main()
