"""What a model is exported as."""

from absl import flags

flags.DEFINE_string("output_dir", None, "directory to write the SavedModel to; an exported model there is replaced")
flags.DEFINE_enum(
    "quantize",
    "none",
    ["none", "float16", "int8"],
    "how weights are stored: as trained (float32), half of that, or a quarter, by output channel",
)
