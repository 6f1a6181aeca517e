"""The network."""

from absl import flags

from yt8m_attention.cli import feature_flags, values
from yt8m_attention.config import Model

# The starter code's names for the classifiers are understood too.
_CLASSIFIERS = {"logistic": "logistic", "moe": "moe", "LogisticModel": "logistic", "MoeModel": "moe"}

flags.DEFINE_string("model", Model.model, "name of the network; a wrong one lists them all")
flags.DEFINE_enum("video_level_classifier_model", Model.video_level_classifier_model, list(_CLASSIFIERS),
                  "classifier of the pooled vector: logistic regression or mixture of experts")  # fmt: skip
flags.DEFINE_integer("num_heads", Model.num_heads, "attention heads, fused by the maximum of their probabilities")
flags.DEFINE_enum("attention_normalizer", Model.attention_normalizer, ["sparsemax", "softmax"],
                  "what makes attention scores weights")  # fmt: skip
values.define_integers("attention_sizes", None, "width that attention sees of a stream; absent: a quarter, 64 at least")
flags.DEFINE_integer("hidden_size", Model.hidden_size, "width of the vector that is classified")
flags.DEFINE_bool("context_gating", Model.context_gating, "whether context gating follows the hidden layer")
flags.DEFINE_integer("moe_num_mixtures", Model.moe_num_mixtures, "experts of a class, beside the dummy")
flags.DEFINE_bool("moe_probability_gating", Model.moe_probability_gating, "whether the mixture's answer is gated")
flags.DEFINE_float("input_noise", Model.input_noise, "standard deviation of the noise on normalised frames in training")
flags.DEFINE_float("l2_penalty", None, "of the classifier's weights; absent: 1e-8 for logistic, 1e-6 for moe")


def model() -> Model:
    """The network that the flags describe."""
    return values.collect(
        Model,
        features=feature_flags.features(),
        video_level_classifier_model=_CLASSIFIERS[flags.FLAGS.video_level_classifier_model],
    )
