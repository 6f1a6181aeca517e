"""How a trained model scores segments."""

from dataclasses import dataclass

from yt8m_attention.config.option import Options, option, shared
from yt8m_attention.config.training import Phase, Run


@dataclass(frozen=True)
class Scoring(Options):
    """How a trained model scores segments; a ranking, its evaluation and its blend score alike."""

    precision: str = shared(
        Run, "precision", default="float32", flag_default="auto", choices=("auto", "float32", "mixed_bfloat16")
    )
    video_score_weight: float = option(
        0.0,
        "weight w of the whole-video score in segment ranking, p_segment^(1-w) * p_video^w; 0: segments alone",
        least=0,
        most=1,
    )
    batch_size: int | None = shared(Phase, "batch_size", default=None, changes_scores=False)
