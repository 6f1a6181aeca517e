"""Scores batches with a trained model. Letters: B bags, T frames of a bag, N frames, F features, C classes."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from yt8m_attention.aliases import Batch, Tensor
from yt8m_attention.models.folded import FoldedAttention, fold
from yt8m_attention.ops import fusion
from yt8m_attention.runtime import compilation
from yt8m_attention.runtime.precision import choose_for_scoring


def make_scorer(
    model: keras.Model, classes: Sequence[int] | np.ndarray | None = None, precision: str = "float32"
) -> "Scorer":
    """Returns the fastest scorer of a trained model: folded (models/folded.py) if the model can be folded.

    The scores of a row depend on the other rows of the batch by rounding only. Equal batches have bit-equal scores. A
    folded scorer keeps the current weights, even if the model changes later.

    Args:
      model: follows the model contract.
      classes: int [C], the classes to return in `probabilities`; None: all.
      precision: precision of matrix products in a folded model: "auto" (runtime.precision.choose_for_scoring),
        "float32" or "mixed_bfloat16". Other models keep the precision that they were built with.
    """
    compilation.sums_in_order()
    dtype = choose_for_scoring(precision).removeprefix("mixed_")
    folded = fold(model, classes, dtype)
    return Scorer(model, classes) if folded is None else FoldedScorer(folded)


class Scorer:
    """Scores with a model that is not folded, and with its current weights.

    Call: a batch with frames [B, T, F] and mask [B, T] -> the model's outputs by name, as numpy arrays.

    A batch with fewer bags than an earlier batch of the same bag length is padded with empty bags, which avoids
    compiling for another shape.

    Args:
      model: follows the model contract.
      classes: int [C], the classes to return in `probabilities`; None: all.

    Attributes:
      compute_dtype: dtype of matrix products.
    """

    compute_dtype = "as built"

    def __init__(self, model: keras.Model, classes: Sequence[int] | np.ndarray | None = None) -> None:
        self._rows: dict[int, int] = {}

        @tf.function(reduce_retracing=True)
        def forward(frames, mask):
            outputs = model({"frames": frames, "mask": mask}, training=False)
            if classes is not None:
                outputs["probabilities"] = tf.gather(outputs["probabilities"], classes, axis=1)
            return outputs

        self._forward = forward

    def __call__(self, batch: Batch) -> dict[str, np.ndarray]:
        rows, length = map(int, batch["mask"].shape)
        inputs = [pad_rows(batch[name], self._largest(rows, length)) for name in ("frames", "mask")]
        return {name: value.numpy()[:rows] for name, value in self._forward(*inputs).items()}

    def _largest(self, rows, length):
        """Returns the number of rows of the largest batch with this bag length so far, including this batch."""
        self._rows[length] = max(self._rows.get(length, 0), rows)
        return self._rows[length]

    def windows(self, frames: Tensor, indices: Tensor) -> np.ndarray:
        """Returns the probabilities [B, C] of windows, which may share frames.

        Args:
          frames: [N, F], bytes or floats.
          indices: int [B, T], the frames of each window, without padding.
        """
        indices = tf.convert_to_tensor(indices)
        batch = {"frames": tf.gather(frames, indices), "mask": tf.ones(indices.shape, bool)}
        return self(batch)["probabilities"]


class FoldedScorer(Scorer):
    """Scores with a folded model. Windows share the computation of each frame.

    Args:
      folded: the folded model.
    """

    def __init__(self, folded: FoldedAttention) -> None:
        self.folded, self.compute_dtype = folded, folded.dtype
        self._rows = {}
        self._forward = _function(folded)
        self._frame_work = _function(folded.frame_work)
        self._window_work = _function(folded.window_work)
        self._shared = None, None

    def windows(self, frames: Tensor, indices: Tensor) -> np.ndarray:
        """See Scorer.windows. The work of the last frames is kept, so pass the same object for the same frames."""
        if self._shared[0] is not frames:
            self._shared = frames, self._frame_work(tf.convert_to_tensor(frames))
        rows = len(indices)
        indices = pad_rows(tf.convert_to_tensor(indices), self._largest(*indices.shape))
        return self._window_work(self._shared[1], indices)["probabilities"].numpy()[:rows]


def _function(call):
    @tf.function
    def compiled(*inputs):
        with fusion.compiled_by(compilation.xla):
            return call(*inputs)

    return compiled


def pad_rows(tensor: Tensor, rows: int) -> Tensor:
    """Appends rows of zeros to a tensor [B, ...]; returns [rows, ...]."""
    missing = rows - tensor.shape[0]
    return tf.pad(tensor, [[0, missing]] + [[0, 0]] * (len(tensor.shape) - 1)) if missing else tensor
