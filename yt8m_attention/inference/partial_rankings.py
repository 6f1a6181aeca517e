"""A ranking in parts: each worker ranks its part of the files, and all parts make the file that one run would write.

Segments are numbered in file order, so a part's numbers move behind those of all parts before it.
"""

import hashlib
import json
import os
import time
from typing import NamedTuple

import numpy as np

from yt8m_attention import config, files, progress
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.errors import UserError
from yt8m_attention.inference.ranked_segments import RankedSegments
from yt8m_attention.inference.ranking import TopSegments
from yt8m_attention.runs import model_state
from yt8m_attention.runtime import memory

_FLAG = "--merge_rankings"


class _Part(NamedTuple):
    path: str
    run: dict  # of `identity`
    ids: np.ndarray  # bytes [N], the videos'
    starts: np.ndarray  # int64 [N]
    classes: np.ndarray  # int64 [C]

    @property
    def worker(self):
        return self.run["worker"]


def identity(model, scorer, job, max_per_class):
    """What a part is of: its worker, and whatever the parts of a run must have in common, by the flag that says it.

    Args:
      model: the one whose `scorer` scores.
      job: a rank.RankingJob with a worker.
      max_per_class: segments of a class, at most.

    Raises:
      UserError: where there are more workers than files.
    """
    paths, (number, workers), data = file_patterns.expand(job.pattern, "input_data_pattern"), job.worker, job.data
    most = len(file_patterns.blocks(paths))
    if workers > most:
        raise UserError(f"--worker={number + 1}/{workers}: {job.named} names {len(paths)} files, enough for {most} "
                        "workers; take so many at most")  # fmt: skip
    # Workers may have the files in other places, gs:// among them: names count from where they part.
    shared = len(os.path.commonprefix(paths).rpartition("/")[0])  # noqa: RUF071
    by_videos = job.scoring.video_score_weight > 0
    weights = f"{json.dumps(config.to_dict(model.config))} {model_state.digest(model)}"
    return {
        "worker": [number, workers],
        "train_dir": f"weights {_digest(weights)}",
        "input_data_pattern": f"{len(paths)} files {_digest(*(path[shared:] for path in paths))}",
        "segment_label_ids_file": f"{len(data.segment_classes)} classes {_digest(*map(str, data.segment_classes))}",
        "segment_max_pred": max_per_class,
        "window_stride": job.stride,
        "only_holdout": job.held_out,
        **config.scored_options(data),
        # A segment's bag is its own frames; a video's score depends on the frames drawn from the video.
        **(config.scored_options(data.sampling) if by_videos else {"max_frames": data.sampling.max_frames}),
        **config.scored_options(job.scoring),
        "precision": scorer.compute_dtype,
        "batch_size": job.scoring.batch_size,  # the last bits of a score may depend on it
    }


def _digest(*texts):
    return hashlib.sha256("\n".join(texts).encode(errors="surrogateescape")).hexdigest()[:12]


def save(ranked, path, run):
    """Writes a part, complete or absent.

    Args:
      ranked: RankedSegments of the worker's files.
      run: of `identity`.

    Raises:
      UserError: where the file cannot be written.
    """
    text = np.frombuffer(json.dumps(run).encode(), np.uint8)
    ranked.top.save(path, ids=ranked.ids, starts=ranked.starts, classes=ranked.classes, run=text)


def merge(pattern, output_file):
    """Makes the parts of all workers into the CSV of one run over all files, byte by byte.

    Memory: what ranking all segments takes, the ranking of one part (8 bytes for each place) and all names.

    Args:
      pattern: the parts' files, as data.storage.file_patterns.expand takes them.
      output_file: the CSV.

    Returns:
      As rank.rank_segments.

    Raises:
      UserError: where the files are not the parts of one run, each once, or a file cannot be read or written.
    """
    started = time.monotonic()
    parts = [_read(path) for path in file_patterns.expand(pattern, _FLAG.strip("-"))]
    _check_one_run(parts)
    parts.sort(key=lambda part: part.worker)
    found = RankedSegments(parts[0].classes, parts[0].run["segment_max_pred"], _FLAG)
    for part in parts:
        found.merge(part.ids, part.starts, _ranking(part, found))
    if not found.count:
        raise UserError(f"{_FLAG}={pattern}: no part holds a segment; set --segment_window or --segment_size smaller")
    rate = found.count / max(time.monotonic() - started, 1e-9)
    progress.say(f"{len(parts)} parts of {found.count:,} segments, writing {output_file}")
    found.write(output_file)
    return {"segments": found.count, "classes": len(found.classes), "rows": found.rows, "segments_per_second": rate,
            "output_file": output_file, "peak_memory_mb": round(memory.peak_mb())}  # fmt: skip


def _refusal(path):
    return lambda error: f"{path}: is no part of a ranking ({error}); write it by `inference --worker --ranking_file`"


def _read(path):
    """A part without its ranking, which is large."""
    wanted = {"ids": ("S", "N"), "starts": ("i", "N"), "classes": ("i", "C"), "run": ("u", "B")}
    *arrays, text = files.read_arrays(path, wanted, _refusal(path)).values()
    with files.reading_arrays(_refusal(path)):
        run = json.loads(text.tobytes())
        number, workers = run["worker"]
        if not 0 <= number < workers or run["segment_max_pred"] < 1:
            raise ValueError(f"worker {number} of {workers}, {run['segment_max_pred']} segments")
    return _Part(path, run, *arrays)


def _ranking(part, ranked):
    top = TopSegments.load(part.path)
    least, most = top.id_range()
    with files.reading_arrays(_refusal(part.path)):
        if (top.num_classes, top.k) != (len(ranked.classes), ranked.top.k) or not 0 <= least <= most + 1 <= len(
            part.ids
        ):
            raise ValueError(f"{top.k} segments of {top.num_classes} classes, or others than the {len(part.ids)} named")
    return top


def _check_one_run(parts):
    """Raises UserError unless these are the parts of one run, each once."""
    first, by_worker = parts[0], {}
    for part in parts:
        for flag in {**first.run, **part.run}:
            found, wanted = (p.run.get(flag) if flag != "worker" else p.worker[1] for p in (part, first))
            if found != wanted:
                what = f"of {found} workers" if flag == "worker" else f"--{flag} {found}"
                raise UserError(f"{_FLAG}: {part.path} was ranked with {what}, {first.path} with {wanted}; name the "
                                "parts of one run")  # fmt: skip
        other = by_worker.setdefault(part.worker[0], part)
        if other is not part:
            raise UserError(f"{_FLAG}: {other.path} and {part.path} are both of --worker={_named(part.worker)}; "
                            "name each part once")  # fmt: skip
    workers = first.worker[1]
    missing = next((n for n in range(workers) if n not in by_worker), None)
    if missing is not None:
        raise UserError(f"{_FLAG}: found {len(parts)} of {workers} parts, that of --worker={missing + 1}/{workers} is "
                        "missing; name all")  # fmt: skip


def _named(worker):
    return f"{worker[0] + 1}/{worker[1]}"
