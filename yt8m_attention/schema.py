"""YouTube-8M's names, sizes and ranges: the facts about the data that everything above agrees on.

Source: the data set's own description (research.google.com/youtube8m) and arXiv 1911.06866, section 4.
"""

# Streams of one frame; a frame is their features side by side, in this order, one unsigned byte each.
FEATURE_NAMES = ("rgb", "audio")
FEATURE_SIZES = (1024, 128)

NUM_CLASSES = 3862
NUM_SEGMENT_CLASSES = 1000

# One frame a second, and no more than this many of a video.
MAX_FRAMES = 300

# Segments are this many frames long and start at multiples of it.
SEGMENT_SIZE = 5

# Nobody rated the first 30 or the last 10 seconds of a video: (head, tail) in frames.
RATED_WINDOW = (30, 10)

# The challenge cuts each class's ranking here.
TOP_SEGMENTS = 100_000

# The video-level metrics and files look at this many classes of a video.
TOP_CLASSES = 20

# A byte b stands for b * QUANTIZED_STEP + QUANTIZED_OFFSET: 256 bins over [-2, 2], each read at its centre.
QUANTIZED_STEP = 4.0 / 255.0
QUANTIZED_OFFSET = 4.0 / 512.0 - 2.0

# Keys of a record's context; older files, and AudioSet's, call the id VIDEO_ID_KEY.
ID_KEY = "id"
VIDEO_ID_KEY = "video_id"
LABELS_KEY = "labels"
SEGMENT_LABELS_KEY = "segment_labels"
SEGMENT_STARTS_KEY = "segment_start_times"
SEGMENT_ENDS_KEY = "segment_end_times"
SEGMENT_SCORES_KEY = "segment_scores"
# AudioSet's: where in the video with that id the record's first frame lies, in seconds.
BEGIN_KEY = "start_time_seconds"
# Video-level records prefix a stream's name with this.
MEAN_PREFIX = "mean_"
