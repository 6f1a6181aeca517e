"""Ranking: TopSegments, a heap a class in plain Python, and one pass over the scores (the limit of memory).

`python -m benchmarks.ranking [--quick]`. Rates are segments a second, of all classes; the heap is given few classes
and its rate divided accordingly. `linear` holds ours at a half, a quarter and an eighth of the segments: where time
grows no faster than they do, the rate never falls as they double (of fewer, a larger share is kept and sorted).
"""

import heapq
import time

import numpy as np

from benchmarks import harness
from yt8m_attention.inference.ranking import TopSegments

BATCH = 2048


def batches(segments, classes):
    """(scores [N, classes], ids [N]) until all segments have come; made anew, so that none has to be held."""
    random = np.random.default_rng(0)
    for start in range(0, segments, BATCH):
        count = min(BATCH, segments - start)
        yield random.random((count, classes), np.float32), np.arange(start, start + count)


def timed(segments, classes, step, finish=lambda: None):
    """Segments a second of step over all batches and finish, without the time that making batches takes."""
    spent = 0.0
    for scores, ids in batches(segments, classes):
        start = time.perf_counter()
        step(scores, ids)
        spent += time.perf_counter() - start
    return segments / (spent + harness.seconds(finish))


def ours(segments, classes, k):
    top = TopSegments(classes, k)
    return timed(segments, classes, top.add, top.result)


def heaps(segments, few, classes, k):
    """The plain way: a heap of (score, -id) a class, one segment at a time."""
    tops = [[] for _ in range(few)]

    def step(scores, ids):
        for c, top in enumerate(tops):
            for entry in zip(scores[:, c].tolist(), (-ids).tolist(), strict=True):
                if len(top) < k:
                    heapq.heappush(top, entry)
                elif entry > top[0]:
                    heapq.heapreplace(top, entry)

    return timed(segments, few, step, lambda: [top.sort(reverse=True) for top in tops]) * few / classes


def main():
    arguments = harness.parse(__doc__)
    segments, classes, k, few = (80_000, 200, 4_000, 4) if arguments.quick else (2_062_258, 1000, 100_000, 4)
    rates, peak = harness.interleave(
        {
            "ours": lambda: ours(segments, classes, k),
            "reference": lambda: heaps(segments, few, classes, k),
            "limit": lambda: timed(segments, classes, lambda scores, ids: scores.max()),
        },
        arguments.rounds,
    )
    linear = {segments // part: round(ours(segments // part, classes, k)) for part in (8, 4, 2)}
    sizes = {"segments": segments, "classes": classes, "k": k}
    harness.report("ranking", "segments/s", rates, peak, linear=linear, **sizes)


if __name__ == "__main__":
    main()
