"""The commands by name, and the module of each below the package. Read by setup.py, so it imports nothing."""

COMMANDS = {
    "train": "train",
    "eval": "eval",
    "inference": "inference.__main__",  # a folder has the name
    "segment_eval_inference": "segment_eval_inference",
    "ensemble": "ensemble",
    "pseudo_label": "pseudo_label",
    "synthesize": "synthesize",
    "export_model": "export_model",
    "moments": "moments",
    "report": "report",
}
