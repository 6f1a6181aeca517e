"""A trained model as a function of batches. Letters: B bags, T frames of a bag, N frames, F features, C classes."""

import tensorflow as tf

from yt8m_attention.models.folded import fold
from yt8m_attention.ops import fusion
from yt8m_attention.runtime import compilation
from yt8m_attention.runtime.precision import choose_for_scoring


def make_scorer(model, classes=None, precision="float32"):
    """The fast form of a trained model: folded (models/folded.py) where it has such a form, else as it is.

    No row's answer depends on another row, but for its last bits; the same batch has the same bits. A folded scorer
    keeps the weights that the model has now.

    Args:
      model: follows the model contract.
      classes: int [C], the columns of `probabilities` wanted; None: all.
      precision: of a folded model's products: "auto" (runtime.precision.choose_for_scoring), "float32" or
        "mixed_bfloat16". Others keep the one they were built with.

    Returns:
      A Scorer.
    """
    compilation.sums_in_order()
    dtype = choose_for_scoring(precision).removeprefix("mixed_")
    folded = fold(model, classes, dtype)
    return Scorer(model, classes) if folded is None else FoldedScorer(folded)


class Scorer:
    """A model as it is, with the weights that it has when it is called.

    Call: a batch with frames [B, T, F] and mask [B, T] -> the model's outputs by name, as numpy arrays.

    Smaller batches than the largest one so far, of bags as long, are filled up with empty bags: they need nothing
    compiled anew.
    """

    compute_dtype = "as built"  # of the products

    def __init__(self, model, classes=None):
        self._rows = {}

        @tf.function(reduce_retracing=True)
        def forward(frames, mask):
            outputs = model({"frames": frames, "mask": mask}, training=False)
            if classes is not None:
                outputs["probabilities"] = tf.gather(outputs["probabilities"], classes, axis=1)
            return outputs

        self._forward = forward

    def __call__(self, batch):
        rows, length = map(int, batch["mask"].shape)
        inputs = [fill_up(batch[name], self._largest(rows, length)) for name in ("frames", "mask")]
        return {name: value.numpy()[:rows] for name, value in self._forward(*inputs).items()}

    def _largest(self, rows, length):
        """The rows of the largest batch of bags of that length so far, this one included."""
        self._rows[length] = max(self._rows.get(length, 0), rows)
        return self._rows[length]

    def windows(self, frames, places):
        """Probabilities [B, C] of windows over the same frames, which may overlap.

        Args:
          frames: [N, F].
          places: int [B, T], a window's frames among them, all real.
        """
        places = tf.convert_to_tensor(places)
        batch = {"frames": tf.gather(frames, places), "mask": tf.ones(places.shape, bool)}
        return self(batch)["probabilities"]


class FoldedScorer(Scorer):
    """A model folded; windows share all that is done by frame."""

    def __init__(self, folded):
        self.folded, self.compute_dtype = folded, folded.dtype
        self._rows = {}
        self._forward = _function(folded)
        self._frame_work = _function(folded.frame_work)
        self._window_work = _function(folded.window_work)
        self._shared = None, None

    def windows(self, frames, places):
        if self._shared[0] is not frames:
            self._shared = frames, self._frame_work(tf.convert_to_tensor(frames))
        rows = len(places)
        places = fill_up(tf.convert_to_tensor(places), self._largest(*places.shape))
        return self._window_work(self._shared[1], places)["probabilities"].numpy()[:rows]


def _function(call):
    @tf.function
    def compiled(*inputs):
        with fusion.compiled_by(compilation.xla):
            return call(*inputs)

    return compiled


def fill_up(tensor, rows):
    """A tensor [B, ...] with zeros behind its rows, so that they are `rows`."""
    missing = rows - tensor.shape[0]
    return tf.pad(tensor, [[0, missing]] + [[0, 0]] * (len(tensor.shape) - 1)) if missing else tensor
