"""Partial rankings: each worker ranks a part of the files, and the merge equals the ranking of a single run.

Segments are numbered in file order. The merge adds the number of segments in all earlier parts to a part's numbers.
"""

import hashlib
import json
import logging
import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from yt8m_attention import config, files
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.errors import UserError
from yt8m_attention.inference.ranked_segments import RankedSegments
from yt8m_attention.inference.ranking import TopSegments
from yt8m_attention.runs import model_state
from yt8m_attention.runtime import memory

if TYPE_CHECKING:  # a merge does not need to load them
    import keras

    from yt8m_attention.inference.scoring import Scorer

logger = logging.getLogger(__name__)

_FLAG = "--merge_rankings"


class _Part(NamedTuple):
    path: str
    run: dict  # from identity
    ids: np.ndarray  # bytes [N], the video ids
    starts: np.ndarray  # int64 [N]
    classes: np.ndarray  # int64 [C]

    @property
    def worker(self):
        return self.run["worker"]


def identity(model: "keras.Model", scorer: "Scorer", job: Any, max_per_class: int) -> dict[str, Any]:
    """Describes a part: its worker, and by flag all values that the parts of one run must share.

    Args:
      model: the model.
      scorer: the model's scorer.
      job: a rank.RankingJob with a worker; its module imports this one.
      max_per_class: maximum number of segments per class.

    Raises:
      UserError: if there are more workers than files allow.
    """
    paths, (number, workers), data = file_patterns.expand(job.pattern, "input_data_pattern"), job.worker, job.data
    most = len(file_patterns.blocks(paths))
    if workers > most:
        raise UserError(f"--worker={number + 1}/{workers}: {job.named} names {len(paths)} files, enough for {most} "
                        "workers; give at most that many")  # fmt: skip
    # Workers may read the files from different directories or gs:// buckets, so the common prefix does not count.
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


def save(ranked: RankedSegments, path: str, run: dict[str, Any]) -> None:
    """Writes a part, complete or absent.

    Args:
      ranked: the segments of the worker's files.
      path: path of the part.
      run: from identity.

    Raises:
      UserError: if the file cannot be written.
    """
    text = np.frombuffer(json.dumps(run).encode(), np.uint8)
    ranked.top.save(path, ids=ranked.ids, starts=ranked.starts, classes=ranked.classes, run=text)


def merge(pattern: str, output_file: str) -> dict[str, Any]:
    """Merges the parts of all workers into the CSV that a single run over all files would write, byte for byte.

    Memory: as much as for ranking all segments, plus the ranking of one part (8 bytes per entry), plus all names.

    Args:
      pattern: the parts' files, see data.storage.file_patterns.expand.
      output_file: path of the CSV.

    Returns:
      The same dict as rank.rank_segments.

    Raises:
      UserError: if the files are not the parts of one run, each once, or if a file cannot be read or written.
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
    logger.info(f"{len(parts)} parts of {found.count:,} segments, writing {output_file}")
    found.write(output_file)
    return {"segments": found.count, "classes": len(found.classes), "rows": found.rows, "segments_per_second": rate,
            "output_file": output_file, "peak_memory_mb": round(memory.peak_mb())}  # fmt: skip


def _refusal(path):
    return lambda error: (
        f"{path}: is not a part of a ranking ({error}); write it with `inference --worker --ranking_file`"
    )


def _read(path):
    """Reads a part without its ranking, which is large."""
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
            raise ValueError(f"its {top.num_classes} classes of {top.k} segments do not fit its {len(part.ids)} names")
    return top


def _check_one_run(parts):
    """Raises UserError unless these are all parts of one run, each once."""
    first = parts[0]
    by_worker: dict[int, _Part] = {}
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
                        "missing; name all parts")  # fmt: skip


def _named(worker):
    return f"{worker[0] + 1}/{worker[1]}"
