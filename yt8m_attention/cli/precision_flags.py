"""The arithmetic of a trained model."""

from absl import flags

flags.DEFINE_enum("precision", "auto", ["auto", "float32", "mixed_bfloat16"],
                  "arithmetic of the products, of attention and multi_attention alone: other networks are scored in "
                  "float32; auto: bfloat16 where the device has units for it (a GPU from compute capability 8.0, a CPU "
                  "with AMX, AMD's from Zen 4). It can swap segments whose scores nearly tie")  # fmt: skip
