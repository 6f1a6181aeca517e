"""Trains one phase of a network: on video labels, or with --segment_labels on rated segments.

  python -m yt8m_attention.train --train_data_pattern='data/train/*.tfrecord' --train_dir=runs/phase1 --max_steps=60100
  python -m yt8m_attention.train --train_data_pattern='data/validate/*.tfrecord' --train_dir=runs/phase2 \\
      --segment_labels --init_checkpoint=runs/phase1 --max_steps=2500

Called again with the same flags, it resumes from its newest checkpoint.
"""

import dataclasses
from typing import Any

from yt8m_attention.cli import app, starter_code, training

OPTIONS = (*training.OPTIONS, starter_code.TRAINING)


def main() -> dict[str, Any]:
    level = starter_code.training()
    run = training.run()
    flags = app.effective_flags()
    app.log_flags(flags)
    with app.quiet_imports():  # of TensorFlow, which takes longer than wrong flags should wait
        from yt8m_attention.training import phase

    level.check("train_data_pattern", run.data)
    return dataclasses.asdict(phase.train(run, flags))


def entry() -> None:
    app.run(main, __doc__, OPTIONS)


if __name__ == "__main__":
    entry()
