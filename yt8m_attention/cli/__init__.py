"""The command line. COMMANDS: {command: its module below the package}; setup.py reads it, so this imports nothing."""

COMMANDS = {
    "train": "train",
    "eval": "eval",
    "inference": "inference.__main__",  # a folder has the name
    "segment_eval_inference": "segment_eval_inference",
    "ensemble": "ensemble",
    "pseudo_label": "pseudo_label",
    "synthesize": "synthesize",
    "export_model": "export_model",
    "export_model_mediapipe": "export_model_mediapipe",
    "moments": "moments",
    "report": "report",
}
