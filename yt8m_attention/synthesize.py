"""Writes a small data set in YouTube-8M's formats with known moments: planted classes, or a collage of real videos.

  python -m yt8m_attention.synthesize --output_dir=DIR
  python -m yt8m_attention.synthesize --output_dir=DIR --sources='video/validate*.tfrecord'

DIR gets train/ validate/ test/ (frame level; the last two with rated segments), video/ (the same videos at video
level), segment_label_ids.csv and truth.csv (every moment). A call with the same flags changes nothing.
"""

from typing import Any

from yt8m_attention.cli import app, options, synthesis
from yt8m_attention.cli.files import Files
from yt8m_attention.synthesis.config import SynthesisConfig

OPTIONS = (options.some(Files, "output_dir"), SynthesisConfig)


def main() -> dict[str, Any]:
    output_dir, config = options.required("output_dir"), synthesis.config()
    with app.quiet_imports():  # of TensorFlow, which takes longer than wrong flags should wait
        from yt8m_attention.synthesis import dataset

    return dataset.make(config, output_dir)


def entry() -> None:
    app.run(main, __doc__, OPTIONS)


if __name__ == "__main__":
    entry()
