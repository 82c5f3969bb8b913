"""The session that the command line used last, for `--continue`."""

from agents.errors import SessionError
from agents.schema import Response
from agents.settings import Settings

_FILE = "last-session"


def remember(settings: Settings, response: Response) -> None:
    """Note the response's session as the last one."""
    (settings.ready_data_dir() / _FILE).write_text(response.session.session_id)


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
