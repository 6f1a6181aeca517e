"""The one exception that a user is meant to read."""


class UserError(Exception):
    """Wrong use or bad input: a flag, a file or a record that cannot be used as it is.

    The message is one line that names the flag or file, says what was found and what to do about it.
    A command prints it and exits with status 2, without a traceback; every other exception is a fault of
    this project, shown with its traceback and exit status 1.
    """
