"""Where a classifier's answers start."""

import math

import keras


def bias_initializer(prior_probability):
    """Biases with which a logistic regression of small weights answers prior_probability for every class.

    Where few classes are true, a start near their share spares the first steps, which else do nothing but lower every
    answer. Source: Lin, Goyal, Girshick, He & Dollár 2017 (focal loss), section 4.1.

    Args:
      prior_probability: more than 0, less than 1. 0.5: biases of 0.

    Returns: a keras initializer.
    """
    return keras.initializers.Constant(math.log(prior_probability / (1.0 - prior_probability)))
