"""The models by name. A new one is a file beside this and a line in _MODELS."""

import warnings

import numpy as np

from yt8m_attention import schema
from yt8m_attention.errors import UserError
from yt8m_attention.models.attention import Attention
from yt8m_attention.models.cnn import Cnn
from yt8m_attention.models.dbof import Dbof
from yt8m_attention.models.frame_pooling import FramePoolingModel
from yt8m_attention.models.mix_nextvlad import MixNextVlad
from yt8m_attention.models.multi_attention import MultiAttention
from yt8m_attention.models.netvlad import NetVladModel
from yt8m_attention.models.nextvlad import NextVladModel
from yt8m_attention.models.recurrent import Gru, Lstm
from yt8m_attention.models.transformer import Transformer
from yt8m_attention.models.video_level import VideoLevel

_MODELS = {
    "attention": Attention,
    "cnn": Cnn,
    "dbof": Dbof,
    "frame_pooling": FramePoolingModel,
    "gru": Gru,
    "lstm": Lstm,
    "mix_nextvlad": MixNextVlad,
    "multi_attention": MultiAttention,
    "netvlad": NetVladModel,
    "nextvlad": NextVladModel,
    "transformer": Transformer,
    "video_level": VideoLevel,
}


def names():
    """The names that `--model` takes, in alphabetical order."""
    return sorted(_MODELS)


def find(name):
    """The class of the network with that name.

    Raises:
      UserError: when no model has it.
    """
    if name not in _MODELS:
        raise UserError(f"--model: found {name!r}, wanted one of {', '.join(names())}, or a name of "
                        "the starter code (docs/coming-from-the-starter-code.md)")  # fmt: skip
    return _MODELS[name]


def build(config):
    """The network that a config.Model describes, with its weights drawn (seed: `keras.utils.set_random_seed`).

    The precision is keras' global dtype policy at the time of the call.

    Returns: keras.Model, {"frames": uint8 or float [B, T, F], "mask": bool [B, T], may be left out} ->
      {"probabilities": float32 [B, V], "attention": float32 [B, T, M] where the network has one, ...}.

    Raises:
      UserError: when no model has that name.
    """
    model = find(config.model)(config)
    with warnings.catch_warnings():
        # Where the memory does not suffice, Keras first tells at length how layers are to be written.
        warnings.filterwarnings("ignore", ".*looks like it has unbuilt state")
        # One segment of zero bytes: the weights take their shapes from it.
        model({"frames": np.zeros((1, schema.SEGMENT_SIZE, config.features.total), np.uint8)})
    return model
