"""How a model is exported."""

from dataclasses import dataclass

from yt8m_attention.config import Options, option


@dataclass(frozen=True)
class Export(Options):
    """How a model is exported."""

    quantize: str = option(
        "none",
        "storage of the weights: as trained (float32), half of that, or a quarter, by output channel",
        choices=("none", "float16", "int8"),
    )
