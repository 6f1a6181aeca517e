"""Names, sizes and ranges of the YouTube-8M data set.

Source: the data set's description (research.google.com/youtube8m) and arXiv 1911.06866, section 4.
"""

# Streams of a frame. A frame holds their features side by side, in this order, one unsigned byte each.
FEATURE_NAMES = ("rgb", "audio")
FEATURE_SIZES = (1024, 128)

NUM_CLASSES = 3862
NUM_SEGMENT_CLASSES = 1000

# Maximum number of frames of a video, at one frame per second.
MAX_FRAMES = 300

# Length of a segment in frames; segments start at multiples of it.
SEGMENT_SIZE = 5

# No segment is rated in the first 30 and the last 10 seconds of a video: (head, tail) in frames.
RATED_WINDOW = (30, 10)

# Maximum length of each class's ranking in the challenge.
TOP_SEGMENTS = 100_000

# Number of classes of a video in video-level metrics and files.
TOP_CLASSES = 20

# A byte b stands for b * QUANTIZED_STEP + QUANTIZED_OFFSET: 256 bins over [-2, 2], each represented by its centre.
QUANTIZED_STEP = 4.0 / 255.0
QUANTIZED_OFFSET = 4.0 / 512.0 - 2.0

# Keys of a record's context. Older files, and AudioSet's, store the id under VIDEO_ID_KEY.
ID_KEY = "id"
VIDEO_ID_KEY = "video_id"
LABELS_KEY = "labels"
SEGMENT_LABELS_KEY = "segment_labels"
SEGMENT_STARTS_KEY = "segment_start_times"
SEGMENT_ENDS_KEY = "segment_end_times"
SEGMENT_SCORES_KEY = "segment_scores"
# AudioSet: time of the record's first frame in its video, in seconds.
BEGIN_KEY = "start_time_seconds"
# Prefix of a stream's name in video-level records.
MEAN_PREFIX = "mean_"
