"""Errors that a user can act on.

ReadroomError
├── SettingsError    a setting is wrong or two contradict each other
├── DocumentError    a document cannot be opened, parsed or found
├── SessionError     a session id is unknown or expired
├── RequestError     a question or an option makes no sense
├── BusyError        there is too much work already; the same call may be made again
├── StorageError     a database is of a newer version
└── EngineError      the engine cannot be started, reached or made to answer
"""

import copyreg


class ReadroomError(Exception):
    """Something went wrong that the user can put right.

    Args:
        message: What is wrong, in one sentence.
        hint: What to do about it, in one sentence.
    """

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def __reduce__(self) -> tuple[object, ...]:
        # An exception is pickled by its arguments alone, of which these have more; work in other processes raises them.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]


class SettingsError(ReadroomError):
    """A setting is wrong, or two contradict each other."""


class DocumentError(ReadroomError):
    """A document cannot be opened, parsed or found."""


class SessionError(ReadroomError):
    """A session id is unknown or has expired."""


class RequestError(ReadroomError):
    """A question or an option makes no sense."""


class BusyError(ReadroomError):
    """As much work is under way as may be, and this is none of it.

    Args:
        message: What is wrong, in one sentence.
        hint: What to do about it, in one sentence.
        retry_after_seconds: After how many seconds the same call is expected to be taken.
    """

    def __init__(self, message: str, *, hint: str, retry_after_seconds: int) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_seconds = retry_after_seconds


class StorageError(ReadroomError):
    """A database was written by a newer version of Readroom."""


class EngineError(ReadroomError):
    """The engine cannot be started, reached or made to answer.

    Args:
        message: What is wrong, in one sentence.
        hint: What to do about it, in one sentence.
        retryable: Whether the same request may succeed when it is made again.
    """

    def __init__(self, message: str, *, hint: str, retryable: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.retryable = retryable
