"""Writes a trained model as a SavedModel for MediaPipe: `export_model`, with the flags of the starter code.

  python -m yt8m_attention.export_model_mediapipe --output_dir=exported \\
      --checkpoint_file=runs/phase2/inference_model/segment_inference_model

The signature for MediaPipe is called `mediapipe` (docs/serving.md).
"""

from typing import Any

from yt8m_attention.cli import app, options, trained_model
from yt8m_attention.cli.files import Files

OPTIONS = (trained_model.CheckpointFile, options.some(Files, "output_dir"), trained_model.VOCABULARY)


def main() -> dict[str, Any]:
    checkpoint_file, output_dir = options.required("checkpoint_file"), options.required("output_dir")
    train_dir, which = trained_model.of_checkpoint_file(checkpoint_file)
    with app.quiet_imports():  # of TensorFlow, which takes longer than wrong flags should wait
        from yt8m_attention.export import saved_model

    class_name = trained_model.vocabulary(train_dir).name
    return saved_model.export(train_dir, output_dir, which=which, class_name=class_name)


def entry() -> None:
    app.run(main, __doc__, OPTIONS)


if __name__ == "__main__":
    entry()
