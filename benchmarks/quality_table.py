"""Reads the results of benchmarks.quality and benchmarks.network_speed, and writes their table into RESULTS.md."""

import collections
import statistics

from yt8m_attention import files

SPEED = "speed.json"  # written by benchmarks.network_speed beside the results of a network
COLUMNS = ("network", "seeds", "parameters", "MB", "examples/s", "segments/s", "chance", "copied score", "phase 1",
           "phase 2", "commit")  # fmt: skip


def finished(folder):
    """Reads all results: {model: [result of each seed]}, sorted by median after phase 2, best first."""
    by_model = collections.defaultdict(list)
    for path in sorted(folder.glob("*/seed*.json")):
        by_model[path.parent.name].append(files.read_json(path))
    return dict(sorted(by_model.items(), key=lambda item: -statistics.median(r["phase2"] for r in item[1])))


def measured_speeds(folder):
    """Reads the results of benchmarks.network_speed: {model: {key of a result: median rate, key_min, key_max}}."""
    return {path.parent.name: files.read_json(path) for path in folder.glob(f"*/{SPEED}")}


def table(data, results, speeds):
    """Formats the lines of RESULTS.md for one kind of data, from the results of finished and measured_speeds."""
    every = [result for of_model in results.values() for result in of_model]

    def distinct(key, of=every):
        return ", ".join(sorted({str(result[key]) for result in of}))

    budgets = " or ".join(sorted({" then ".join(result["budget"]) for result in every}))
    lines = [
        f"MAP over rated segments of the test split of `{data}`: median (least to greatest over seeds). Controls: "
        "chance; after phase 1, each video's own score copied to its segments; phase 1 alone.",
        f"Budget of every row: {budgets}. {distinct('hardware')}; {distinct('date')}.",
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
        lines.append(f"| {' | '.join(map(str, [*cells, *rates, *scores, distinct('commit', of_model)]))} |")
    return lines


def _about_speeds(measured):
    runs = "of the runs themselves, start, reading and whatever ran beside them included."
    if not measured:
        return f"Speeds (~) are {runs}"
    where = "; ".join(measured)
    return (f"Speeds are of the phase-1 step and the scorer alone, medians (`benchmarks.network_speed`; {where}; least "
            f"and greatest are in each network's {SPEED}); ~: {runs}")  # fmt: skip


def _rate(results, speeds, key):
    if speeds:
        return f"{speeds[key]:,.0f}"
    known = [result[key] for result in results if result[key]]
    return f"~{statistics.median(known):,.0f}" if known else "\u2013"


def _spread(results, key):
    values = [result[key] for result in results]
    least, median, greatest = (f"{of(values):.3f}" for of in (min, statistics.median, max))
    return median if least == greatest else f"{median} ({least} to {greatest})"


def write_results(path, data, folder):
    """Writes the table of all results in a directory."""
    write_table(path, data, table(data, finished(folder), measured_speeds(folder)))


def write_table(path, data, lines):
    """Writes lines between the markers of this data in a Markdown file; appends missing markers."""
    begin, end = f"<!-- quality {data} -->", f"<!-- end of quality {data} -->"
    text = path.read_text("utf-8") if path.exists() else "# Results\n"
    if begin not in text:
        text += f"\n## Quality: {data}\n\n{begin}\n{end}\n"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    with files.replacing(str(path), "w") as file:
        file.write(before + "\n".join([begin, "", *lines, "", end]) + after)
