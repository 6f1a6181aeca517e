"""Exports a trained model as a SavedModel, which TensorFlow runs without this project.

Letters: B bags, T frames, F features, V classes, M heads. Signatures:

  serving_default  frames uint8 [B, T, F], mask bool [B, T] -> probabilities float32 [B, V], attention float32 [B, T, M]
                   if the network has attention
  serving_floats   the same with frames float32: values instead of bytes
  mediapipe        rgb_and_audio float32 [B, T, F] or [T, F], num_frames int32 of any shape with B numbers (or one
                   number for all) -> predictions float32 [B, V]; B is 1 for [T, F]

B and T are free in each call.
"""

import contextlib
import logging
import os
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from yt8m_attention import files
from yt8m_attention.aliases import Tensor
from yt8m_attention.data.storage.file_patterns import first_line
from yt8m_attention.errors import UserError
from yt8m_attention.export import model_card
from yt8m_attention.export.weights import Weight
from yt8m_attention.inference import scoring
from yt8m_attention.runs import restore

logger = logging.getLogger(__name__)

_FILE = "saved_model.pb"


def export(train_dir: str, output_dir: str, which: str = "best", quantize: str = "none",
           class_name: Callable[[int], str] = "class {}".format) -> dict[str, Any]:  # fmt: skip
    """Writes a checkpoint as a SavedModel with a model card, and compares its output with the checkpoint.

    Args:
      train_dir: directory of a training run.
      output_dir: a new or empty directory, or an earlier export, which is replaced after a complete write.
      which: "best", "last" or a checkpoint file.
      quantize: one of weights.QUANTIZATIONS.
      class_name: function of a class id -> its name in the card.

    Returns:
      dict of `bytes` (on disk), `parameters` (trainable), `max_difference` (largest difference of a probability to the
      checkpoint on the same inputs), `checkpoint`, `output_dir`.

    Raises:
      UserError: if there is no model to export, or the directory cannot be written.
    """
    trained = restore.load(train_dir, which)
    result: dict[str, Any] = {
        "parameters": sum(int(np.prod(weight.shape)) for weight in trained.model.trainable_weights)
    }
    with _replacing_directory(output_dir) as temporary:
        logger.info(f"exporting {trained.path}")
        module = Servable(trained.model, trained.run.model.features.total, quantize)
        tf.saved_model.save(module, temporary, signatures=module.signatures())
        result["max_difference"] = _max_difference(trained, temporary)
        result["bytes"] = _size(temporary)
        card = model_card.text(trained, train_dir, quantize, result, class_name)
        with files.replacing(os.path.join(temporary, "README.md"), "w") as file:
            file.write(card)
    return result | {"checkpoint": trained.path, "output_dir": output_dir}


class Servable(tf.Module):
    """The forward pass of a model with its own copy of the weights.

    Args:
      model: Keras model that follows the model contract.
      width: F, features of a frame.
      quantize: one of weights.QUANTIZATIONS.
    """

    def __init__(self, model: Tensor, width: int, quantize: str) -> None:
        super().__init__()
        self.trained = [Weight(np.asarray(v), quantize) for v in model.trainable_variables]
        self.kept = [Weight(np.asarray(v), "none") for v in model.non_trainable_variables]
        # In a closure, the model is not tracked, so its float32 weights are not saved.
        self._call = lambda inputs: model.stateless_call(
            [weight() for weight in self.trained], [weight() for weight in self.kept], inputs, training=False
        )[0]
        self._width = width

    def signatures(self) -> dict[str, Callable]:
        """Returns the signatures by name, see the head of this file."""
        mask = tf.TensorSpec([None, None], tf.bool, "mask")
        frames = {dtype: tf.TensorSpec([None, None, self._width], dtype, "frames") for dtype in (tf.uint8, tf.float32)}
        return {
            "serving_default": self.serve.get_concrete_function(frames[tf.uint8], mask),
            "serving_floats": self.serve.get_concrete_function(frames[tf.float32], mask),
            "mediapipe": self.mediapipe.get_concrete_function(
                tf.TensorSpec(None, tf.float32, "rgb_and_audio"), tf.TensorSpec(None, tf.int32, "num_frames")
            ),
        }

    @tf.function
    def serve(self, frames: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Scores frames of either dtype."""
        outputs = self._call({"frames": frames, "mask": mask})
        return {name: outputs[name] for name in ("probabilities", "attention") if name in outputs}

    @tf.function
    def mediapipe(self, rgb_and_audio: Tensor, num_frames: Tensor) -> dict[str, Tensor]:
        """Scores frames with the names and shapes of MediaPipe."""
        length = tf.shape(rgb_and_audio)[-2]
        frames = tf.reshape(rgb_and_audio, [-1, length, self._width])
        mask = tf.sequence_mask(tf.reshape(num_frames, [-1]), length)
        mask = tf.broadcast_to(mask, tf.shape(frames)[:2])
        return {"predictions": self._call({"frames": frames, "mask": mask})["probabilities"]}


def _max_difference(trained, directory):
    """Returns the largest difference of a probability between checkpoint and export, for bags of several lengths.

    The random bytes have a distribution like the data set: around the middle.
    """
    rng = np.random.default_rng(0)
    score, loaded = scoring.make_scorer(trained.model), tf.saved_model.load(directory)
    differences = []
    for length in (2, trained.run.data.segment_size, 60):
        shape = (8, length, trained.run.model.features.total)
        frames = np.clip(rng.normal(127.5, 40, shape), 0, 255).astype(np.uint8)
        mask = np.arange(length) < rng.integers(1, length + 1, (8, 1))
        batch = {"frames": tf.constant(frames), "mask": tf.constant(mask)}
        served = loaded.signatures["serving_default"](**batch)["probabilities"].numpy()
        differences.append(np.abs(served - score(batch)["probabilities"]).max())
    return float(max(differences))


def _size(directory):
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(directory) for name in names)


@contextlib.contextmanager
def _replacing_directory(path):
    """Yields a temporary directory beside `path`, which replaces `path` after a complete write."""
    path = os.path.abspath(path)
    if os.path.isdir(path) and os.listdir(path) and not os.path.exists(os.path.join(path, _FILE)):
        raise UserError(f"--output_dir={path}: holds other files than a SavedModel; name a new directory")
    files.make_directory(os.path.dirname(path), "output_dir")
    temporary, former = (f"{path}.{os.getpid()}.{what}" for what in ("partial", "former"))
    try:
        yield temporary
        if os.path.isdir(path):
            os.rename(path, former)
        os.rename(temporary, path)
    except (OSError, tf.errors.OpError) as error:
        what = getattr(error, "strerror", None) or first_line(error)
        raise UserError(f"--output_dir={path}: cannot be written: {what}; free space or name another place") from error
    finally:
        for directory in (temporary, former):
            shutil.rmtree(directory, ignore_errors=True)
