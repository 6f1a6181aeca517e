"""Measures ranking: TopSegments, one heap per class in plain Python, and one pass over the scores (memory limit).

`python -m benchmarks.ranking [--quick]`. Rates are segments per second for all classes. The heaps run on few classes,
and their rate is divided accordingly. `linear` is our rate for a half, a quarter and an eighth of the segments. If time
is at most linear, the rate does not fall when the segments double (of fewer segments, a larger share is sorted).
"""

import heapq
import time

import numpy as np

from benchmarks import harness
from yt8m_attention.inference.ranking import TopSegments

BATCH = 2048


def batches(segments, classes):
    """Yields (scores [N, classes], ids [N]) for all segments; generated, so they need no memory."""
    random = np.random.default_rng(0)
    for start in range(0, segments, BATCH):
        count = min(BATCH, segments - start)
        yield random.random((count, classes), np.float32), np.arange(start, start + count)


def timed(segments, classes, step, finish=lambda: None):
    """Returns segments per second of step over all batches and finish, without the time to generate batches."""
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
    """The plain reference: one heap of (score, -id) per class, one segment at a time."""
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
