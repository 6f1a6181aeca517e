"""How shards are read, whatever is read from them."""

from absl import flags

from yt8m_attention.config import Data

flags.DEFINE_string("index_dir", None,
                    "where shards' indices are kept; absent: a hidden file beside each shard, if it can be written; "
                    "none: nowhere")  # fmt: skip
flags.DEFINE_integer("max_bad_records", Data.max_bad_records,
                     "records that cannot be used: so many are skipped and counted, one more stops",
                     lower_bound=0)  # fmt: skip
flags.DEFINE_string("cache_dir", None, "where copies of remote shards are kept; absent: a temporary directory")
