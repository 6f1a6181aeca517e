"""Recurrent networks."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from yt8m_attention import config as configs
from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.frame_pooling import FramePooling
from yt8m_attention.layers.recurrence import Recurrence
from yt8m_attention.models.frame_level import FrameLevelModel


class Recurrent(FrameLevelModel):
    """Reads a bag's frames in order of time; returns the mean of the states, their maximum or the last (`pooling`)."""

    kind: str
    further_layers: Sequence[Recurrence] = ()

    def __init__(self, config: configs.Model, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.recurrence = Recurrence(self.kind, getattr(config, f"{self.kind}_cells"), name="recurrence")
        self.pooling = FramePooling(config.pooling, name="pooling")

    def normalise_and_pool(self, frames: Tensor, mask: Tensor, training: bool) -> tuple[Tensor, dict[str, Tensor]]:
        """Folds the input batch norm into the gates, so no array of the frames' size needs a gradient."""
        normalised = self.input_norm.scale_and_shift(frames, mask=mask, training=training)
        states = self.recurrence(*normalised, mask=mask)
        for layer in self.further_layers:
            states = layer(states, mask=mask)
        return ops.expand_dims(self.pooling(states, mask=mask), 1), {}


@keras.saving.register_keras_serializable(package="yt8m_attention")
class Gru(Recurrent):
    """Gated recurrent units (Cho et al. 2014); `gru_cells` is their number."""

    kind = "gru"


@keras.saving.register_keras_serializable(package="yt8m_attention")
class Lstm(Recurrent):
    """Long short-term memory (Hochreiter & Schmidhuber 1997): `lstm_layers` layers of width `lstm_cells`."""

    kind = "lstm"

    def __init__(self, config: configs.Model, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        numbers = range(2, config.lstm_layers + 1)
        self.further_layers = [Recurrence(self.kind, config.lstm_cells, name=f"recurrence_{i}") for i in numbers]
