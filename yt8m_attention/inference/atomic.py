"""Files that are complete or absent."""

import contextlib
import os

from yt8m_attention.errors import UserError


@contextlib.contextmanager
def replacing(path):
    """Opens a temporary file beside path for writing bytes; renames it to path when the block ends without an error.

    Raises:
      UserError: where the directory cannot be made or the file not be written.
    """
    folder, name = os.path.split(os.path.abspath(path))
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.tmp")
    try:
        os.makedirs(folder, exist_ok=True)
        with open(temporary, "wb") as file:
            yield file
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            os.remove(temporary)
