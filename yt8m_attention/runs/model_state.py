"""The variables of a model and its optimizer, by their names in a checkpoint."""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from yt8m_attention.aliases import Tensor
from yt8m_attention.errors import UserError

if TYPE_CHECKING:  # to merge partial rankings does not need to load it
    import keras

# Set explicitly: Keras adds a number to the names that it chooses, and a checkpoint needs a stable name.
LOSS_SCALING = "loss_scale_optimizer"


def variables(model: "keras.Model", optimizer: "keras.optimizers.Optimizer | None" = None) -> dict[str, Tensor]:
    """Returns every variable that a resumed run needs, by its name in a checkpoint.

    They include the state of the random generators.
    """
    named = [(f"model/{variable.path}", variable) for variable in model.variables]
    named += [(f"optimizer/{variable.path}", variable) for variable in (optimizer.variables if optimizer else ())]
    by_name = dict(named)
    if len(by_name) != len(named):
        raise ValueError("two variables have the same name; give every layer a unique name")
    return by_name


def arrays(variables: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Returns the values of variables, by name."""
    return {name: np.asarray(variable) for name, variable in variables.items()}


def assign(variables: Mapping[str, Tensor], arrays: Mapping[str, np.ndarray], path: str) -> None:
    """Assigns the arrays of a checkpoint to variables.

    A checkpoint of another precision may lack the variables of loss scaling, for example if a run is resumed on another
    device. These variables keep their values then, and the scale adapts within some steps.

    Args:
      variables: the variables by name.
      arrays: the arrays of the checkpoint by name.
      path: the checkpoint file, for messages.

    Raises:
      UserError: if an array is missing or has another shape; no variable is changed then.
    """
    scaling = f"optimizer/{LOSS_SCALING}/"
    variables = {name: v for name, v in variables.items() if name in arrays or not name.startswith(scaling)}
    for name, variable in variables.items():
        if name not in arrays and name.startswith("optimizer/"):
            raise UserError(f"{path}: has no state of the optimizer, as in a model archive; start from it with "
                            "--init_checkpoint and --reset_optimizer")  # fmt: skip
        if name not in arrays:
            raise UserError(f"{path}: has no {name}; it is a checkpoint of another model")
        if arrays[name].shape != tuple(variable.shape):
            raise UserError(f"{path}: {name} has shape {arrays[name].shape}, this model's {tuple(variable.shape)}; "
                            "give the flags that the checkpoint was trained with")  # fmt: skip
    for name, variable in variables.items():
        variable.assign(arrays[name])


def digest(model: "keras.Model") -> str:
    """Returns the SHA-256 of all weights and moving statistics, in the order of their names, in hexadecimal."""
    found = hashlib.sha256()
    for name, weight in sorted((weight.path, weight) for weight in model.weights):
        array = np.asarray(weight)
        found.update(f"{name} {array.dtype} {array.shape}\n".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
