"""Measures the scoring of segments: the folded scorer, the unfolded network, and its matrix products at peak speed.

`python -m benchmarks.scoring [--quick]`. Rates are segments per second from bytes in memory. Ours uses --precision=auto
and scores the 1000 classes that segments are rated for. The reference is the float32 network as a tf.function with all
3862 classes, as a user without this scorer runs it. So `times_reference` is the gain of folding and fewer classes
together. `all_classes` is ours for all 3862 classes, and `times_reference_all_classes` is the gain of folding and of
the precision alone; the quotient of both is the gain of fewer classes. The limit is the products for 1000 classes.
`bfloat16` is ours with bfloat16 products, omitted on a GPU without bfloat16. `overlapping` is ours on windows at each
frame of whole videos. `kendall_tau` compares our ranks with the reference, as a mean over classes;
`bfloat16_kendall_tau` is the same for bfloat16.
"""

import functools
import statistics

import numpy as np

from benchmarks import harness, networks
from yt8m_attention.inference import scoring
from yt8m_attention.runtime import precision


def rate(score, batch):
    return batch["frames"].shape[0] / harness.seconds(lambda: score(batch))


def overlapping(score, model, frames):
    """Returns segments per second if a window starts at each of `frames` frames except the last 4."""
    video = networks.batch(model, 1, frames)["frames"].numpy()[0]
    places = np.arange(frames - 4)[:, None] + np.arange(5)
    score.windows(video, places)
    return len(places) / harness.seconds(lambda: score.windows(video.copy(), places))


def kendall_tau(ours, reference):
    """Returns the mean over classes of 1 - 2 * discordant / all pairs; a tie on one side counts as half discordant."""
    taus = []
    for mine, theirs in zip(ours.T, reference.T, strict=True):
        signs = np.sign(mine[:, None] - mine) * np.sign(theirs[:, None] - theirs)
        taus.append(signs.sum() / (len(mine) * (len(mine) - 1)))
    return round(float(np.mean(taus)), 5)


def main():
    arguments = harness.parse(__doc__)
    model = networks.model_config(arguments.quick)
    rows = 64 if arguments.quick else 256
    network, columns = networks.build(model), networks.classes(model)
    chosen = precision.choose_for_scoring("auto")
    batch = networks.batch(model, rows, networks.SEGMENT_FRAMES)
    scorers = {
        "ours": functools.cache(lambda: scoring.make_scorer(network, columns, chosen)),
        "reference": functools.cache(lambda: scoring.Scorer(network)),
        "all_classes": functools.cache(lambda: scoring.make_scorer(network, None, chosen)),
        "bfloat16": functools.cache(lambda: scoring.make_scorer(network, columns, "mixed_bfloat16")),
    }
    if networks.short_type() != "bfloat16":
        del scorers["bfloat16"]
    sides = {name: harness.lazily(build, lambda score: rate(score, batch)) for name, build in scorers.items()}
    cost = functools.cache(lambda: networks.scoring_operations(scorers["ours"]().folded, networks.SEGMENT_FRAMES))
    sides["limit"] = networks.limit(arguments.quick, cost)
    sides["overlapping"] = harness.lazily(scorers["ours"], lambda score: overlapping(score, model, rows))
    rates, peak = harness.interleave(sides, arguments.rounds, networks.peak_memory_mb)

    found = {name: scorers[name]()(batch)["probabilities"] for name in scorers if name != "all_classes"}
    wanted = found.pop("reference")[:, columns]
    agreement = {name: kendall_tau(scores, wanted) for name, scores in found.items()}
    folding = statistics.median(rates["all_classes"]) / statistics.median(rates["reference"])
    harness.report(
        "scoring", "segments/s", rates, peak, precision=chosen, batch=rows, classes=len(columns),
        times_reference_all_classes=round(folding, 3), megaflop_per_segment=round(cost() / 1e6, 1),
        largest_difference=float(np.abs(found["ours"] - wanted).max()), kendall_tau=agreement["ours"],
        bfloat16_kendall_tau=agreement.get("bfloat16"),
    )  # fmt: skip


if __name__ == "__main__":
    main()
