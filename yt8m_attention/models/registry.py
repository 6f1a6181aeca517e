"""The networks by name. A new network is a file in this folder and a line in _MODELS."""

import warnings

import numpy as np

from yt8m_attention import config as configs
from yt8m_attention import schema
from yt8m_attention.errors import UserError
from yt8m_attention.models.attention import Attention
from yt8m_attention.models.cnn import Cnn
from yt8m_attention.models.dbof import Dbof
from yt8m_attention.models.frame_pooling import FramePoolingModel
from yt8m_attention.models.mix_nextvlad import MixNextVlad
from yt8m_attention.models.multi_attention import MultiAttention
from yt8m_attention.models.netvlad import NetVladModel
from yt8m_attention.models.network import Network
from yt8m_attention.models.nextvlad import NextVladModel
from yt8m_attention.models.recurrent import Gru, Lstm
from yt8m_attention.models.transformer import Transformer
from yt8m_attention.models.video_level import VideoLevel

_MODELS: dict[str, type[Network]] = {
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


def names() -> list[str]:
    """Returns the names that `--model` accepts, in alphabetical order."""
    return sorted(_MODELS)


def find(name: str) -> type[Network]:
    """Returns the class of the network with that name.

    Raises:
      UserError: when no network has the name.
    """
    if name not in _MODELS:
        raise UserError(f"--model: found {name!r}, wanted one of {', '.join(names())}, or a name of "
                        "the starter code (docs/coming-from-the-starter-code.md)")  # fmt: skip
    return _MODELS[name]


def build(config: configs.Model) -> Network:
    """Builds the network of a configuration, with random weights (seed: `keras.utils.set_random_seed`).

    The precision is Keras' global dtype policy at the time of the call.

    Returns: keras.Model, {"frames": uint8 or float [B, T, F], "mask": bool [B, T], optional} ->
      {"probabilities": float32 [B, V], "attention": float32 [B, T, M] if the network has attention, ...}.

    Raises:
      UserError: when no network has the name.
    """
    model = find(config.model)(config)
    with warnings.catch_warnings():
        # When memory runs out, Keras first warns at length about how to write layers.
        warnings.filterwarnings("ignore", ".*looks like it has unbuilt state")
        # The call with one segment of zero bytes creates the weights.
        model({"frames": np.zeros((1, schema.SEGMENT_SIZE, config.features.total), np.uint8)})
    return model
