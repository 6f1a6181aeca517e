"""A trained model as a function of batches."""

import tensorflow as tf


def make_scorer(model):
    """Compiles a model's forward pass, in inference mode: moving statistics, so no row depends on another.

    Returns:
      A function of a batch with frames [B,T,F] and mask [B,T] -> the model's outputs by name, as numpy arrays.
    """

    @tf.function(reduce_retracing=True)
    def forward(frames, mask):
        return model({"frames": frames, "mask": mask}, training=False)

    def score(batch):
        return {name: value.numpy() for name, value in forward(batch["frames"], batch["mask"]).items()}

    return score
