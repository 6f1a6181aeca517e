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
flags.DEFINE_bool("hidden_layer", Model.hidden_layer, "whether a linear layer stands between pooling and classifier")
flags.DEFINE_integer("hidden_size", Model.hidden_size, "width of the hidden layer; of the transformer throughout")
flags.DEFINE_bool("context_gating", Model.context_gating, "whether context gating follows the hidden layer")
flags.DEFINE_integer("moe_num_mixtures", Model.moe_num_mixtures, "experts of a class, beside the dummy")
flags.DEFINE_bool("moe_probability_gating", Model.moe_probability_gating, "whether the mixture's answer is gated")
flags.DEFINE_float("prior_probability", Model.prior_probability,
                   "what the classifier says of each class at first; near the true share it learns sooner")  # fmt: skip
flags.DEFINE_float("input_noise", None,
                   "standard deviation of the noise on normalised frames in training; "
                   f"absent: {Model.input_noise} on frames drawn at random, else 0")  # fmt: skip
flags.DEFINE_float("l2_penalty", None, "of the classifier's weights; absent: 1e-8 for logistic, 1e-6 for moe")
flags.DEFINE_enum("pooling", Model.pooling, ["mean", "max", "last"],
                  "over frames, of frame_pooling, dbof, gru, lstm and transformer")  # fmt: skip
flags.DEFINE_integer("dbof_cluster_size", Model.dbof_cluster_size, "clusters of the deep bag of frames")
flags.DEFINE_integer("netvlad_cluster_size", Model.netvlad_cluster_size, "clusters of the first stream; others: half")
values.define_integers("cnn_filter_widths", Model.cnn_filter_widths, "frames that the cnn's filters see ...")
values.define_integers("cnn_filters", Model.cnn_filters, "... and how many filters there are of each width")
flags.DEFINE_integer("gru_cells", Model.gru_cells, "width of the gru's state")
flags.DEFINE_integer("lstm_cells", Model.lstm_cells, "width of the lstm's state")
flags.DEFINE_integer("nextvlad_cluster_size", Model.nextvlad_cluster_size, "clusters of the first stream; others: half")
flags.DEFINE_integer("nextvlad_groups", Model.nextvlad_groups, "groups of the first stream; others: half")
flags.DEFINE_integer("nextvlad_expansion", Model.nextvlad_expansion, "factor on a stream's width before it is grouped")
flags.DEFINE_integer("mix_number", Model.mix_number, "networks of the mixture mix_nextvlad")
flags.DEFINE_integer("transformer_layers", Model.transformer_layers, "blocks of the transformer")
flags.DEFINE_integer("transformer_heads", Model.transformer_heads, "attention heads of a block")


def model(random_frames) -> Model:
    """The network that the flags describe.

    Args:
      random_frames: whether its bags are frames drawn at random, which noise belongs to.
    """
    noise = flags.FLAGS.input_noise
    if noise is None:
        noise = Model.input_noise if random_frames else 0.0
    return values.collect(
        Model,
        features=feature_flags.features(),
        input_noise=noise,
        video_level_classifier_model=_CLASSIFIERS[flags.FLAGS.video_level_classifier_model],
    )
