"""Base class of all networks: built from a configuration, saved and loaded with it."""

from typing import Any

import keras

from yt8m_attention import config as configs


class Network(keras.Model):
    """A network built from a config.Model. Its call maps a dict of `frames` and `mask` to one of `probabilities`."""

    def __init__(self, config: configs.Model, name: str | None = None, **kwargs: Any) -> None:
        # No autocast: values would lose bits before normalisation.
        super().__init__(name=name or config.model, autocast=False, **kwargs)
        self.config = config

    def build(self, input_shape: Any) -> None:
        """Does nothing: each layer is built by its first call. Keras' own method traces the whole network first."""

    def get_config(self) -> dict[str, Any]:
        return {"config": configs.to_dict(self.config), "name": self.name, "dtype": self.dtype_policy.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict | None = None) -> "Network":
        config = dict(config)
        return cls(configs.from_dict(configs.Model, config.pop("config")), **config)
