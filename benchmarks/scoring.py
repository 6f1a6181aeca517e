"""Scoring segments: the folded scorer, the network as it is, and its products at the machine's peak.

`python -m benchmarks.scoring [--quick]`. Rates are segments a second, out of bytes in memory, 1000 of the classes. The
arithmetic of ours is --precision=auto's; the reference is the float32 network compiled as a tf.function, all classes.
`overlapping` is ours on windows at every frame of whole videos. `kendall_tau` compares ours' ranks with the
reference's, class by class (mean); `bfloat16_kendall_tau` the same for bfloat16 products, whatever auto chose.
"""

import numpy as np

from benchmarks import harness, networks
from yt8m_attention.inference import scoring
from yt8m_attention.training import precision


def rate(score, batch):
    return batch["frames"].shape[0] / harness.seconds(lambda: score(batch))


def overlapping(score, model, frames):
    """Segments a second where a window starts at every frame but the last ones of `frames`."""
    video = networks.batch(model, 1, frames)["frames"].numpy()[0]
    places = np.arange(frames - 4)[:, None] + np.arange(5)
    score.windows(video, places)
    return len(places) / harness.seconds(lambda: score.windows(video.copy(), places))


def kendall_tau(ours, reference):
    """Mean over classes of 1 - 2 * discordant / all pairs; pairs that tie on a side count as discordant by half."""
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
    ours, rounded = (scoring.make_scorer(network, columns, name) for name in (chosen, "mixed_bfloat16"))
    plain = scoring.Scorer(network)
    batch = networks.batch(model, rows, networks.SEGMENT_FRAMES)
    wanted = plain(batch)["probabilities"][:, columns]
    products, cost = (
        networks.Products(arguments.quick),
        networks.scoring_operations(ours.folded, networks.SEGMENT_FRAMES),
    )
    found, found_rounded = (score(batch)["probabilities"] for score in (ours, rounded))
    rates, peak = harness.interleave(
        {
            "ours": lambda: rate(ours, batch),
            "reference": lambda: rate(plain, batch),
            "limit": lambda: products.rate() / cost,
            "bfloat16": lambda: rate(rounded, batch),
            "overlapping": lambda: overlapping(ours, model, rows),
        },
        arguments.rounds,
    )
    harness.report(
        "scoring", "segments/s", rates, peak, precision=chosen, batch=rows, classes=len(columns),
        megaflop_per_segment=round(cost / 1e6, 1), largest_difference=float(np.abs(found - wanted).max()),
        kendall_tau=kendall_tau(found, wanted),
        bfloat16_kendall_tau=kendall_tau(found_rounded, wanted),
    )  # fmt: skip


if __name__ == "__main__":
    main()
