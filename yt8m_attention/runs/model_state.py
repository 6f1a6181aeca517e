"""The variables of a model and its optimizer, by the names that they have in a checkpoint."""

import hashlib

import numpy as np

from yt8m_attention.errors import UserError

# Named, since Keras numbers those it names itself, and a checkpoint's arrays go by these names.
LOSS_SCALING = "loss_scale_optimizer"


def variables(model, optimizer=None):
    """Every variable that a run needs to go on, the state of its random generators too, by its name in a checkpoint."""
    named = [(f"model/{variable.path}", variable) for variable in model.variables]
    named += [(f"optimizer/{variable.path}", variable) for variable in (optimizer.variables if optimizer else ())]
    by_name = dict(named)
    if len(by_name) != len(named):
        raise ValueError("two variables of one name; every layer needs a name of its own")
    return by_name


def arrays(variables):
    return {name: np.asarray(variable) for name, variable in variables.items()}


def assign(variables, arrays, path):
    """Fills variables from the arrays of the checkpoint at a path.

    Those of loss scaling stay as they are where there are none: in a checkpoint of other arithmetic, as of a run that
    goes on on another device. The scale is found anew within some steps.

    Raises:
      UserError: where one is missing or of another shape, naming it and the file; nothing is assigned then.
    """
    scaling = f"optimizer/{LOSS_SCALING}/"
    variables = {name: v for name, v in variables.items() if name in arrays or not name.startswith(scaling)}
    for name, variable in variables.items():
        if name not in arrays and name.startswith("optimizer/"):
            raise UserError(f"{path}: has no state of the optimizer, as in a model archive; start from it with "
                            "--init_checkpoint and --reset_optimizer")  # fmt: skip
        if name not in arrays:
            raise UserError(f"{path}: has no {name}; it is the checkpoint of another model")
        if arrays[name].shape != tuple(variable.shape):
            raise UserError(f"{path}: {name} is {arrays[name].shape}, this model's is {tuple(variable.shape)}; "
                            "give the flags it was trained with")  # fmt: skip
    for name, variable in variables.items():
        variable.assign(arrays[name])


def digest(model):
    """SHA-256 over all weights, moving statistics too, in the order of their names: equal weights, equal digests."""
    found = hashlib.sha256()
    for name, weight in sorted((weight.path, weight) for weight in model.weights):
        array = np.asarray(weight)
        found.update(f"{name} {array.dtype} {array.shape}\n".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
