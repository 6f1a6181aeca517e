"""A trained model, from nothing but the directory it was trained in."""

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
      model: the network; inference needs nothing else.
      run: the configuration it was trained with.
      path: the checkpoint file.
      meta: what the checkpoint says of itself (`step`, `finished`, ...).
    """

    model: keras.Model
    run: config.Run
    path: str
    meta: dict


def load(train_dir, which="best", flag="train_dir") -> Trained:
    """Builds the model that a training directory holds, in float32, and gives it a checkpoint's weights.

    Args:
      which: "best" by held-out score (the newest where nothing was held out), "last", or a checkpoint file.
      flag: that of train_dir, for messages.

    Raises:
      UserError: where there is no run, no whole checkpoint, or that of another network.
    """
    run = run_file.read(train_dir, flag)
    place, flag = (train_dir, flag) if which in ("best", "last") else (which, "checkpoint")
    path, arrays, meta = checkpoints.find(place, flag, which)
    with precision.use("float32"):  # as its weights are; for other arithmetic, scoring folds it
        model = registry.build(run.model)
    with run_file.filling(path, run.model, flag):
        model_state.assign(model_state.variables(model), arrays, path)
    return Trained(model, run, path, meta)
