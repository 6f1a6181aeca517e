"""Writes the model card of an exported model: its data, scores, sizes, use and limits, as Markdown."""

import os
from collections.abc import Callable
from typing import Any

from yt8m_attention import schema
from yt8m_attention.runs import held_out_scores, restore, summaries

_SHOWN_CLASSES = 10

_SCORES = {
    "segment_map": "MAP over rated segments (the challenge's MAP@100,000)",
    "copied_video_score_map": "... if each segment gets the score of its video",
    "chance": "... of chance (the share of positives)",
    "gap": "GAP over whole videos",
    "map": "MAP over whole videos",
    "hit_at_one": "hit@1",
    "perr": "PERR",
}


def text(trained: restore.Trained, train_dir: str, quantize: str, result: dict[str, Any],
         class_name: Callable[[int], str]) -> str:  # fmt: skip
    """Returns the text of the card.

    Args:
      trained: the exported model.
      train_dir: its training directory, which holds its scores.
      quantize: one of weights.QUANTIZATIONS.
      result: `bytes`, `parameters`, `max_difference` of the export.
      class_name: function of a class id -> its name.
    """
    run = trained.run
    stream = ", ".join(f"{n} {s}" for n, s in zip(run.model.features.names, run.model.features.sizes, strict=True))
    phase = "rated segments (phase 2)" if run.phase.segment_labels else "labels of whole videos (phase 1)"
    unit = f"one unsigned byte b each, with the value b * 4/255 + 4/512 - 2 = b * {schema.QUANTIZED_STEP:.6f} \
{schema.QUANTIZED_OFFSET:+.6f}"
    classes = run.data.segment_classes or ()
    some = "; ".join(map(class_name, classes[:_SHOWN_CLASSES]))
    named = f" ({some}{'; ...' if len(classes) > _SHOWN_CLASSES else ''})" if classes else ""
    return f"""# {run.model.model}, trained to step {trained.meta["step"]:,}

Computes the probability of each of {run.model.num_classes} classes for a bag of frames. A bag is a whole video, or a
segment of {run.data.segment_size} frames, which shows when a class can be seen or heard. Written by yt8m-attention.

## Data

- Frames: {stream} features, {unit}. YouTube-8M has one frame per second.
- Last trained on {phase}: `{run.train_data_pattern}`{_started(run)}.
- Classes rated in segments: {len(classes) or "none"}{named}.
- Videos held out from this phase: {run.phase.holdout_fraction:.0%}.

## Scores

{_scores(train_dir, trained)}

## Sizes

| | |
|---|---|
| parameters | {result["parameters"]:,} |
| weights stored as | {"float32" if quantize == "none" else quantize} |
| bytes | {result["bytes"]:,} |
| largest difference of a probability to the checkpoint, on random bytes | {result["max_difference"]:.2g} |

## Use

```python
model = tf.saved_model.load(directory)
answer = model.signatures["serving_default"](frames=frames, mask=mask)   # uint8 [B, T, {run.model.features.total}], \
bool [B, T]
answer["probabilities"]                                                  # float32 [B, {run.model.num_classes}]
```

`serving_floats` takes float32 values instead of bytes. `mediapipe` takes `rgb_and_audio` and `num_frames`, and returns
`predictions`. T is free. Padding is masked and does not change the result.

## Limits

- The model works only with features of the same extractor. Other features give meaningless results without an error.
- After phase 2, a probability is meant for a class that was proposed for rating in the video. Phase 2 does not tune
  classes without ratings.
- The probability of a segment is for the whole segment, not for one frame. Attention shows where the network looked.
- The training labels are noisy and incomplete. The videos of YouTube-8M are public videos from before 2019. The model
  repeats their gaps and biases. It is not made for decisions about people.
"""


def _started(run):
    return f", starting from `{run.phase.init_checkpoint}`" if run.phase.init_checkpoint else ""


def _scores(train_dir, trained):
    """Returns the scores of this checkpoint: a table from `eval`, otherwise the held-out score of training."""
    step = trained.meta["step"]
    curves = summaries.read_scalars(os.path.join(train_dir, "eval"))
    found = {name: dict(curves.get(f"eval/{name}", ())).get(step) for name in _SCORES}
    rows = [f"| {_SCORES[name]} | {value:.4f} |" for name, value in found.items() if value is not None]
    if rows:
        return "Results of `eval` on its input files:\n\n| | |\n|---|---|\n" + "\n".join(rows)
    held_out = held_out_scores.read(train_dir)
    if step in held_out["scores"]:
        return f"On the held-out videos: {held_out['metric']} {held_out['scores'][step]:.4f}."
    return "Not evaluated."
