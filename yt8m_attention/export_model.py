"""Writes a trained model as a SavedModel, which TensorFlow runs without this project, and its model card.

  python -m yt8m_attention.export_model --train_dir=runs/phase2 --output_dir=exported --quantize=int8

The SavedModel's probabilities are compared with the checkpoint's before it appears in --output_dir.
"""

from typing import Any

from absl import flags

from yt8m_attention.cli import app, options, trained_model
from yt8m_attention.cli.files import Files

FLAGS = flags.FLAGS

OPTIONS = (
    trained_model.TrainedModel,
    options.some(Files, "output_dir"),
    trained_model.Export,
    trained_model.VOCABULARY,
)


def main() -> dict[str, Any]:
    train_dir, output_dir = trained_model.train_dir(), options.required("output_dir")
    with app.quiet_imports():  # of TensorFlow, which takes longer than wrong flags should wait
        from yt8m_attention.export import saved_model

    class_name = trained_model.vocabulary(train_dir).name
    return saved_model.export(
        train_dir, output_dir, which=FLAGS.checkpoint, quantize=FLAGS.quantize, class_name=class_name
    )


def entry() -> None:
    app.run(main, __doc__, OPTIONS)


if __name__ == "__main__":
    entry()
