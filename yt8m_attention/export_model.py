"""Writes a trained model as a SavedModel, which TensorFlow runs without this project, and its model card.

  python -m yt8m_attention.export_model --train_dir=runs/phase2 --output_dir=exported --quantize=int8

What it answers is compared with the checkpoint's answers before anything is left in --output_dir.
"""

from absl import flags

from yt8m_attention.cli import (  # they define flags
    app,
    export_flags,  # noqa: F401
    trained_flags,
    values,
    vocabulary_flags,
)

FLAGS = flags.FLAGS


def main():
    train_dir, output_dir = trained_flags.train_dir(), values.required("output_dir")
    with app.quiet_imports():  # of TensorFlow, which wrong flags need not wait for
        from yt8m_attention.export import saved_model

    name = vocabulary_flags.vocabulary(train_dir).name
    return saved_model.export(train_dir, output_dir, FLAGS.checkpoint, FLAGS.quantize, name)


def entry():
    app.run(main, __doc__)


if __name__ == "__main__":
    entry()
