"""The session that the command line used last, for `--continue`."""

from collections.abc import Sequence

from agents.errors import RequestError, SessionError
from agents.schema import Response
from agents.settings import Settings

_FILE = "last-session"


def remember(settings: Settings, response: Response) -> None:
    """Note the response's session as the last one."""
    (settings.ready_data_dir() / _FILE).write_text(response.session.session_id)


def forget_last(settings: Settings, session_ids: Sequence[str]) -> None:
    """Forget which session was the last, if it is one of these."""
    file = settings.data_dir / _FILE
    if file.exists() and file.read_text().strip() in session_ids:
        file.unlink()


def chosen(settings: Settings, session: str | None, *, go_on: bool) -> str | None:
    """Return the session that is named, or the last one where that is asked for; None: a new one.

    Raises:
        RequestError: Both were asked for.
        SessionError: There is no last one.
    """
    if go_on and session:
        raise RequestError("--session and --continue name two sessions.", hint="Give one of them.")
    return last_session(settings) if go_on else session


def last_session(settings: Settings) -> str:
    """Return the id of the last session.

    Raises:
        SessionError: There was none.
    """
    try:
        return (settings.data_dir / _FILE).read_text().strip()
    except FileNotFoundError as error:
        raise SessionError(
            "There is no session to continue.", hint="Ask without --continue, and name a document."
        ) from error
