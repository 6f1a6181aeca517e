"""Flags that every command takes."""

from absl import flags

flags.DEFINE_bool("quiet", False, "say nothing on standard error but errors")
