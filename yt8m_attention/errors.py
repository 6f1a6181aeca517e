"""The exception for errors that the user can fix."""


class UserError(Exception):
    """Wrong usage or bad input: an unusable flag, file or record.

    The message is one line: the flag or file, what was found, and what to do. A command prints it without a traceback
    and exits with status 2. Any other exception is a bug of this project: it has a traceback and exit status 1.
    """
