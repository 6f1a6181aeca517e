"""The share of the videos that training held out, which a model may be judged by."""

from absl import flags

from yt8m_attention.errors import UserError

flags.DEFINE_bool("only_holdout", False, "use only the share of the videos that training held out")
flags.DEFINE_float(
    "holdout_fraction", None, "that share; absent: as the model was trained", lower_bound=0.0, upper_bound=1.0
)


def share(trained_with=0.0):
    """The share of the videos that alone is used, 0 for all videos.

    Args:
      trained_with: the share that the model's training held out.

    Raises:
      UserError: where --only_holdout is given and no share is known.
    """
    if not flags.FLAGS.only_holdout:
        return 0.0
    given = flags.FLAGS.holdout_fraction
    fraction = trained_with if given is None else given
    if not fraction:
        raise UserError("--only_holdout: training held nothing out; name the share of the videos by --holdout_fraction")
    return fraction
