"""How much a segment's score owes to its video's."""

from absl import flags

from yt8m_attention.errors import UserError

FLAGS = flags.FLAGS

flags.DEFINE_float("video_score_weight", 0.0,
                   "w of p_segment^(1-w) * p_video^w, by which segments are ranked: their own probability and that of "
                   "the whole video", lower_bound=0.0, upper_bound=1.0)  # fmt: skip


def of_segments():
    """--video_score_weight.

    Raises:
      UserError: where it is given and no segment is scored.
    """
    if FLAGS.video_score_weight and not FLAGS.segment_labels:
        raise UserError(f"--video_score_weight={FLAGS.video_score_weight:g}: rescores segments, and --segment_labels "
                        "is not given; give both")  # fmt: skip
    return FLAGS.video_score_weight
