"""What a person should know of an exported model before using it, as Markdown."""

import os

from yt8m_attention import schema
from yt8m_attention.runs import held_out_scores, summaries

_SHOWN_CLASSES = 10

_SCORES = {
    "segment_map": "MAP over rated segments (the challenge's MAP@100,000)",
    "copied_video_score_map": "... of each video's own score, given to all its segments",
    "chance": "... of chance, the share of positives",
    "gap": "GAP over whole videos",
    "map": "MAP over whole videos",
    "hit_at_one": "hit@1",
    "perr": "PERR",
}


def text(trained, train_dir, quantize, result, class_name):
    """The card.

    Args:
      trained: restore.Trained.
      train_dir: where it was trained; scores are read from there.
      quantize: how its weights are stored.
      result: `bytes`, `parameters`, `max_difference` of the export.
      class_name: function of a class id -> what it is called.
    """
    run = trained.run
    stream = ", ".join(f"{n} {s}" for n, s in zip(run.model.features.names, run.model.features.sizes, strict=True))
    phase = "rated segments (phase 2)" if run.phase.segment_labels else "labels of whole videos (phase 1)"
    unit = f"one unsigned byte b each, which stands for b * 4/255 + 4/512 - 2 = b * {schema.QUANTIZED_STEP:.6f} \
{schema.QUANTIZED_OFFSET:+.6f}"
    classes = run.data.segment_classes or ()
    some = "; ".join(map(class_name, classes[:_SHOWN_CLASSES]))
    named = f" ({some}{'; ...' if len(classes) > _SHOWN_CLASSES else ''})" if classes else ""
    return f"""# {run.model.model}, trained to step {trained.meta["step"]:,}

Gives the probability of each of {run.model.num_classes} classes for a bag of frames: a whole video, or a segment of
{run.data.segment_size} frames, which tells when a class is on screen or to be heard. Written by yt8m-attention.

## Data

- Frames: {stream} features, {unit}. One frame a second in YouTube-8M.
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
| largest difference of a probability against the checkpoint, on random bytes | {result["max_difference"]:.2g} |

## Use

```python
model = tf.saved_model.load(directory)
answer = model.signatures["serving_default"](frames=frames, mask=mask)   # uint8 [B, T, {run.model.features.total}], \
bool [B, T]
answer["probabilities"]                                                  # float32 [B, {run.model.num_classes}]
```

`serving_floats` takes float32 values instead of bytes; `mediapipe` takes `rgb_and_audio` and `num_frames` and gives
`predictions`. T is free; padding is masked and changes nothing.

## Limits

- It knows features of this very extractor only. Others give answers without meaning, and no error.
- A probability after phase 2 is that of a class which somebody found worth asking about for the video; classes that
  nobody rated were not tuned in that phase.
- A segment's probability is for the segment, not for one frame in it; attention tells where the network looked.
- The labels it learned from are noisy and incomplete, and its videos are public ones of before 2019 where the data is
  YouTube-8M's: it repeats their gaps and their biases. It is not made for decisions about people.
"""


def _started(run):
    return f", starting from `{run.phase.init_checkpoint}`" if run.phase.init_checkpoint else ""


def _scores(train_dir, trained):
    """A table of what `eval` said of this checkpoint, else of what training's held-out share did."""
    step = trained.meta["step"]
    curves = summaries.read_scalars(os.path.join(train_dir, "eval"))
    found = {name: dict(curves.get(f"eval/{name}", ())).get(step) for name in _SCORES}
    rows = [f"| {_SCORES[name]} | {value:.4f} |" for name, value in found.items() if value is not None]
    if rows:
        return "As `eval` found them, on the files that it was given:\n\n| | |\n|---|---|\n" + "\n".join(rows)
    held_out = held_out_scores.read(train_dir)
    if step in held_out["scores"]:
        return f"On the held-out videos: {held_out['metric']} {held_out['scores'][step]:.4f}."
    return "Not evaluated."
