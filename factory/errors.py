"""What can go wrong, in two kinds, each with its exit code.

Promise: every error that a person can cause or mend reaches them as one `FactoryError`: what is wrong, where,
what to do. The command line prints it without a traceback. Anything else that escapes is a fault of ours and
keeps its traceback. A bad sample is never an error: it is a row with a reason.
"""


class FactoryError(Exception):
    """The work failed (exit code 1): `message` says what and where, `hint` what to do about it."""

    exit_code = 1

    def __init__(self, message: str, hint: str = ""):
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class InputError(FactoryError):
    """What was typed or written is wrong (exit code 2): a recipe, a path, a statement."""

    exit_code = 2
