"""What every network shares: a configuration that it is built from, saved as and brought back by."""

import keras

from yt8m_attention import config as configs


class Network(keras.Model):
    """A model of a config.Model; by the model contract a dict of `frames` and `mask` to one of `probabilities`."""

    def __init__(self, config, name=None, **kwargs):
        # Not cast by the model itself: values would lose bits before they are normalised.
        super().__init__(name=name or config.model, autocast=False, **kwargs)
        self.config = config

    def build(self, input_shape):
        """Nothing: every layer is built when it is first called. Keras would trace the whole network for it first."""

    def get_config(self):
        return {"config": configs.to_dict(self.config), "name": self.name, "dtype": self.dtype_policy.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        return cls(configs.from_dict(configs.Model, config.pop("config")), **config)
