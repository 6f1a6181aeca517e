"""How a trained model scores segments."""

from absl import flags

from yt8m_attention.cli import options
from yt8m_attention.config import Phase, Scoring
from yt8m_attention.errors import UserError

FLAGS = flags.FLAGS

SEGMENT_LABELS = options.some(Phase, "segment_labels")


def of_segments() -> Scoring:
    """The scoring that the flags describe.

    Raises:
      UserError: when an option of segments is given and no segment is scored.
    """
    scoring = options.collect(Scoring)
    if scoring.video_score_weight and not FLAGS.segment_labels:
        raise UserError(f"--video_score_weight={scoring.video_score_weight:g}: rescores segments, and --segment_labels "
                        "is not given; give both")  # fmt: skip
    return scoring
