"""What moments are looked for, and how they are told."""

from absl import flags

flags.DEFINE_string(
    "input", None, "features: .npy [frames, features], .npz of such arrays, TFRecord files of YouTube-8M or MediaPipe"
)
flags.DEFINE_integer("top", 5, "moments of a video, at most", lower_bound=1, upper_bound=1 << 20)
flags.DEFINE_enum(
    "format", "table", ["table", "json", "srt", "vtt"], "table for people; JSON; SubRip or WebVTT, which players show"
)
flags.DEFINE_string("output_file", None, "file to write; {id} in it makes a file each video; absent: standard output")
