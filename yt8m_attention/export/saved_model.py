"""A trained model as a SavedModel that TensorFlow runs without this project.

Letters: B bags, T frames, F features, V classes, M heads. Signatures:

  serving_default  frames uint8 [B, T, F], mask bool [B, T] -> probabilities float32 [B, V], attention float32 [B, T, M]
                   where the network has it
  serving_floats   the same with frames float32, values instead of bytes
  mediapipe        rgb_and_audio float32 [B, T, F] or [T, F], num_frames int32, any shape of B numbers (or of one, for
                   all) -> predictions float32 [B, V]; B is 1 for [T, F]

B and T are free in each call.
"""

import contextlib
import logging
import os
import shutil

import numpy as np
import tensorflow as tf

from yt8m_attention import files
from yt8m_attention.data.storage.file_patterns import first_line
from yt8m_attention.errors import UserError
from yt8m_attention.export import model_card
from yt8m_attention.export.weights import Weight
from yt8m_attention.inference import scoring
from yt8m_attention.runs import restore

logger = logging.getLogger(__name__)

_FILE = "saved_model.pb"


def export(train_dir, output_dir, which="best", quantize="none", class_name="class {}".format):
    """Writes a checkpoint as a SavedModel, its model card beside it, and compares what it answers.

    Args:
      train_dir: what train has written to.
      output_dir: a new or empty directory, or one that this function wrote, which is replaced once all is written.
      which: "best", "last" or a checkpoint file.
      quantize: one of weights.QUANTIZATIONS.
      class_name: function of a class id -> what the card calls it.

    Returns:
      dict of `bytes` (on disk), `parameters` (trainable), `max_difference` (of any probability, against the
      checkpoint on the same inputs), `checkpoint`, `output_dir`.

    Raises:
      UserError: where there is no model to export, or the directory cannot be written to.
    """
    trained = restore.load(train_dir, which)
    result = {"parameters": sum(int(np.prod(weight.shape)) for weight in trained.model.trainable_weights)}
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
    """The forward pass of a model over weights of its own.

    Args:
      model: follows the model contract.
      width: F.
      quantize: one of weights.QUANTIZATIONS.
    """

    def __init__(self, model, width, quantize):
        super().__init__()
        self.trained = [Weight(np.asarray(v), quantize) for v in model.trainable_variables]
        self.kept = [Weight(np.asarray(v), "none") for v in model.non_trainable_variables]
        # A closure: the model's own float32 weights must not be saved along.
        self._call = lambda inputs: model.stateless_call(
            [weight() for weight in self.trained], [weight() for weight in self.kept], inputs, training=False
        )[0]
        self._width = width

    def signatures(self):
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
    def serve(self, frames, mask):
        outputs = self._call({"frames": frames, "mask": mask})
        return {name: outputs[name] for name in ("probabilities", "attention") if name in outputs}

    @tf.function
    def mediapipe(self, rgb_and_audio, num_frames):
        length = tf.shape(rgb_and_audio)[-2]
        frames = tf.reshape(rgb_and_audio, [-1, length, self._width])
        mask = tf.sequence_mask(tf.reshape(num_frames, [-1]), length)
        mask = tf.broadcast_to(mask, tf.shape(frames)[:2])
        return {"predictions": self._call({"frames": frames, "mask": mask})["probabilities"]}


def _max_difference(trained, directory):
    """Largest difference of a probability between the checkpoint and what was written, over bags of several lengths.

    The bytes are drawn at random, spread as the data set's are: about their middle.
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
    """Gives a temporary directory beside `path` to fill, which takes its name once it is whole."""
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
