"""Names for types that annotations share."""

from collections.abc import Mapping
from typing import Any, TypeAlias

# A tensor of any Keras backend, or what converts to one.
Tensor: TypeAlias = Any
# {"frames": [B, T, F], "mask": bool [B, T]}, and in batches of a data set also labels, ids and positions.
Batch: TypeAlias = Mapping[str, Any]
