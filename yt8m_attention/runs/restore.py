"""Restores a trained model from its training directory."""

from dataclasses import dataclass

import keras

from yt8m_attention import config
from yt8m_attention.models import registry
from yt8m_attention.runs import checkpoints, model_state, run_file
from yt8m_attention.runtime import precision


@dataclass(frozen=True)
class Trained:
    """A model with the weights of one checkpoint.

    Attributes:
      model: the network with its weights.
      run: configuration of the training run.
      path: the checkpoint file.
      meta: meta of the checkpoint (`step`, `finished`, ...).
    """

    model: keras.Model
    run: config.Run
    path: str
    meta: dict


def load(train_dir: str, which: str = "best", flag: str = "train_dir") -> Trained:
    """Builds the model of a training directory in float32, and assigns the weights of a checkpoint.

    Args:
      train_dir: the training directory.
      which: "best": the checkpoint with the best held-out score, or the newest if there are no scores. "last": the
        newest. Otherwise: the path of a checkpoint file.
      flag: name of the flag with train_dir, for messages.

    Raises:
      UserError: if there is no run or no whole checkpoint, or if the checkpoint is of another network.
    """
    run = run_file.read(train_dir, flag)
    location, flag = (train_dir, flag) if which in ("best", "last") else (which, "checkpoint")
    path, arrays, meta = checkpoints.find(location, flag, which)
    with precision.use("float32"):  # the dtype of the weights; scoring in another precision uses the folded model
        model = registry.build(run.model)
    with run_file.same_network(path, run.model, flag):
        model_state.assign(model_state.variables(model), arrays, path)
    return Trained(model, run, path, meta)
