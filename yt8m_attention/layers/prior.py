"""Initial biases of the classifiers."""

import math

import keras


def bias_initializer(prior_probability: float) -> keras.initializers.Initializer:
    """Returns an initializer of biases that make a logistic regression predict prior_probability for every class.

    When few classes are positive, a start near their share saves the first steps, which would only lower all
    predictions. Source: Lin, Goyal, Girshick, He & Dollár 2017 (focal loss), section 4.1.

    Args:
      prior_probability: more than 0, less than 1. 0.5: biases of 0.

    Returns: a keras initializer.
    """
    return keras.initializers.Constant(math.log(prior_probability / (1.0 - prior_probability)))
