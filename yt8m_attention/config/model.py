"""The network."""

from dataclasses import dataclass

from yt8m_attention.config.data import Data, Features
from yt8m_attention.config.option import LARGEST_SIZE, Options, option, require, shared, size

# L2 penalties of the published code, by classifier.
L2_PENALTIES = {"logistic": 1e-8, "moe": 1e-6}


@dataclass(frozen=True)
class Model(Options):
    """A network: its name in the registry, and the sizes and layers it is built with."""

    model: str = option("multi_attention", "name of the network; a wrong one lists them all")
    features: Features = Features()
    num_classes: int = shared(Data, "num_classes")
    video_level_classifier_model: str = option(
        "moe",
        "classifier of the pooled vector: logistic regression or mixture of experts",
        choices=("logistic", "moe"),
        synonyms={"LogisticModel": "logistic", "MoeModel": "moe"},  # the starter code's names
    )
    num_heads: int = size(8, "number of attention heads, fused by the maximum of their probabilities")
    attention_normalizer: str = option(
        "sparsemax", "function that turns attention scores into weights", choices=("sparsemax", "softmax")
    )
    attention_sizes: tuple[int, ...] | None = size(
        None,
        "width of each stream in the attention; absent: a quarter of the stream, at least 64",
        least=2,
        changes_weights=False,
    )
    hidden_layer: bool = option(True, "put a linear layer between pooling and classifier")
    hidden_size: int = size(1024, "width of the hidden layer, and of every layer of the transformer")
    context_gating: bool = option(True, "put context gating behind the hidden layer")
    moe_num_mixtures: int = size(2, "number of experts of a class, besides the dummy")
    moe_probability_gating: bool = option(True, "gate the probabilities of the mixture of experts")
    prior_probability: float = option(
        0.5,
        "probability of each class that the classifier starts from; near the true share it learns sooner",
        above=0,
        below=1,
        changes_weights=False,
    )
    input_noise: float = option(
        1e-3,
        "standard deviation of the noise on normalised frames in training; absent: 0.001 on random frames, else 0",
        flag_default=None,
        least=0,
        most=1,
        changes_weights=False,
    )
    l2_penalty: float | None = option(
        None,
        "L2 penalty on the classifier's weights; absent: 1e-8 for logistic, 1e-6 for moe",
        least=0,
        changes_weights=False,
    )
    pooling: str = option(
        "mean", "pooling over frames in frame_pooling, dbof, gru, lstm and transformer", choices=("mean", "max", "last")
    )
    dbof_cluster_size: int = size(2048, "number of clusters of the deep bag of frames")
    netvlad_cluster_size: int = size(64, "number of NetVLAD's clusters of the first stream; others: half", least=2)
    cnn_filter_widths: tuple[int, ...] = size((1, 2, 3), "widths of the cnn's filters, in frames")
    cnn_filters: tuple[int, ...] = size((1024, 1024, 2048), "number of the cnn's filters of each width")
    gru_cells: int = size(1024, "width of the GRU's state")
    lstm_cells: int = size(1024, "width of the LSTM's state")
    lstm_layers: int = size(1, "number of the LSTM's layers, each of which reads the states of the one before")
    nextvlad_cluster_size: int = size(128, "number of NeXtVLAD's clusters of the first stream; others: half", least=2)
    nextvlad_groups: int = size(8, "number of NeXtVLAD's groups of the first stream; others: half")
    nextvlad_expansion: int = size(2, "factor by which NeXtVLAD widens a stream before grouping it")
    mix_number: int = size(3, "number of networks in mix_nextvlad", least=2)
    transformer_layers: int = size(3, "number of the transformer's blocks")
    transformer_heads: int = size(8, "number of attention heads in a block of the transformer")

    def __post_init__(self) -> None:
        super().__post_init__()
        widths, filters = self.cnn_filter_widths, self.cnn_filters
        distinct = len(set(widths)) == len(widths) > 0
        require(distinct, "cnn_filter_widths", widths, f"distinct numbers of frames, 1 to {LARGEST_SIZE}")
        of_each = f"a number of filters for each of --cnn_filter_widths={widths}, 1 to {LARGEST_SIZE}"
        require(len(filters) == len(widths), "cnn_filters", filters, of_each)
        if self.attention_sizes is not None:
            one_each = f"a size from 2 to {LARGEST_SIZE} for each feature"
            require(
                len(self.attention_sizes) == len(self.features.sizes), "attention_sizes", self.attention_sizes, one_each
            )
