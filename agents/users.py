"""The users of a server that several share: each has a token, folders, sessions and a library of their own.

Users        a file of them, as it is now, and whose token is whose
settings_of  what a server of one user's own would be set to: nothing else keeps two users apart

A user's stores are opened at places where nobody else's rows are, so there is nothing to filter, and no id to guess.
"""

import hashlib
import logging
import secrets
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Self

from filelock import FileLock
from pydantic import Field, StringConstraints, ValidationError, model_validator

from agents.errors import ReadroomError, SettingsError
from agents.schema import Frozen
from agents.settings import DocumentsSettings, Root, Settings, is_s3

_WAIT_SECONDS = 10
_logger = logging.getLogger(__name__)
UserName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
"""Part of a folder's name, and of a schema's in PostgreSQL."""


class User(Frozen):
    """Somebody who may use the server."""

    name: UserName
    token_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    subject: str | None = Field(default=None, min_length=1, description="Who they are to the OAuth issuer; its `sub`.")
    folders: tuple[Root, ...] = Field(min_length=1, description="What they may read.")
    library_characters: int | None = Field(default=None, gt=0, description="In place of the server's own limit.")
    max_runs: int | None = Field(default=None, gt=0, description="The same.")

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if (self.token_sha256 is None) == (self.subject is None):
            raise ValueError("either a token_sha256 or a subject says who it is")
        if relative := [folder for folder in self.folders if not is_s3(folder) and not Path(folder).is_absolute()]:
            raise ValueError(f"{relative[0]} is no absolute path")
        return self


class _File(Frozen):
    users: tuple[User, ...] = ()

    @model_validator(mode="after")
    def _tell_apart(self) -> Self:
        names = [user.name for user in self.users]
        for values in (names, [user.token_sha256 or f"subject {user.subject}" for user in self.users]):
            twice = [value for value, times in Counter(values).items() if times > 1]
            if twice:
                raise ValueError(f"two users have the same: {twice[0]}")
        return self


class Users:
    """The users that a file names, as it is now: who is taken out is nobody from then on.

    Args:
        path: The file; one that is missing names nobody.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state: object = None
        self._users: tuple[User, ...] = ()

    def all(self) -> tuple[User, ...]:
        """Return everybody.

        Raises:
            SettingsError: The file cannot be read, or does not hold users.
        """
        try:
            found = self._path.stat()
            state = found.st_ino, found.st_size, found.st_mtime_ns
            if state != self._state:
                self._users = _File.model_validate_json(self._path.read_bytes()).users
                self._state = state
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise SettingsError(
                f"{self._path} cannot be read: {error.strerror}.", hint="READROOM_USERS_FILE names it."
            ) from error
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise SettingsError(
                f"{self._path} does not hold users: {place} {first['msg']}.",
                hint="`readroom users add` writes it; docs/team.md shows its form.",
            ) from error
        return self._users

    def by_token(self, token: str) -> User | None:
        """Return whose token it is; nobody's while the file cannot be read."""
        digest = token_digest(token)
        # How long comparing hashes takes tells nothing of a token.
        return self._find(lambda user: user.token_sha256 == digest)

    def by_subject(self, subject: str) -> User | None:
        """Return who this is to the OAuth issuer; nobody while the file cannot be read."""
        return self._find(lambda user: user.subject == subject)

    def _find(self, is_meant: Callable[[User], bool]) -> User | None:
        try:
            return next(filter(is_meant, self.all()), None)
        except ReadroomError:
            _logger.exception("Nobody is let in.")
            return None

    def add(
        self,
        name: str,
        folders: Sequence[str | Path],
        library_characters: int | None = None,
        max_runs: int | None = None,
        subject: str | None = None,
    ) -> str | None:
        """Add a user, or give one other folders and limits and a new token; return the token, which is kept nowhere.

        Of a user with a `subject` the OAuth issuer has the tokens, and there is none of ours.

        Raises:
            SettingsError: The name or a folder cannot be one, or the file cannot be read or written.
        """
        token = None if subject else secrets.token_urlsafe(32)
        roots = DocumentsSettings(roots=tuple(map(str, folders))).allowed_roots()
        if missing := [root for root in roots if not is_s3(root) and not Path(root).is_dir()]:
            raise SettingsError(f"{missing[0]} is no folder.", hint="Name folders that there are.")
        try:
            user = User(
                name=name,
                token_sha256=token and token_digest(token),
                subject=subject,
                folders=roots,
                library_characters=library_characters,
                max_runs=max_runs,
            )
        except ValidationError as error:
            raise SettingsError(
                f"{name} cannot be the name of a user.",
                hint="Use at most 32 small letters of a to z, digits and underscores, the first one a letter.",
            ) from error
        self._change(lambda users: (*(each for each in users if each.name != name), user))
        return token

    def remove(self, name: str) -> None:
        """Take a user out; what is kept of them stays.

        Raises:
            SettingsError: There is no such user, or the file cannot be read or written.
        """
        if name not in {user.name for user in self.all()}:
            raise SettingsError(f"There is no user {name}.", hint="`readroom users list` shows who there is.")
        self._change(lambda users: tuple(user for user in users if user.name != name))

    def _change(self, changed: Callable[[tuple[User, ...]], tuple[User, ...]]) -> None:
        """Write the file in one step: a server that reads it meanwhile finds it whole."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self._path}.lock", timeout=_WAIT_SECONDS):
                text = _File(users=changed(self.all())).model_dump_json(indent=2, exclude_none=True)
                # It may be read by its owner alone.
                with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=self._path.parent, delete=False) as file:
                    file.write(text + "\n")
                Path(file.name).replace(self._path)
        except OSError as error:
            raise SettingsError(
                f"{self._path} cannot be written: {error.strerror or error}.", hint="READROOM_USERS_FILE names it."
            ) from error


def configured_users(settings: Settings) -> Users:
    """Return the users of the configured file.

    Raises:
        SettingsError: None is configured.
    """
    if settings.users_file is None:
        raise SettingsError(
            "READROOM_USERS_FILE is not set.", hint="Set it to the file that is to name the users of this server."
        )
    return Users(settings.users_file)


def settings_of(user: User, settings: Settings) -> Settings:
    """Return what a server of a user's own would be set to.

    Raises:
        SettingsError: What is kept of others lies in one of the user's folders.
    """
    private = [path.expanduser().resolve() for path in (settings.data_dir, settings.server.audit_file) if path]
    documents = settings.documents.model_copy(update={"roots": user.folders})
    for folder in documents.allowed_roots():
        if found := next((path for path in private if path.is_relative_to(folder)), None):
            raise SettingsError(
                f"{user.name} may read {folder}, and with it what is kept of others in {found}.",
                hint="Name other folders in READROOM_USERS_FILE, or set READROOM_DATA_DIR to another place.",
            )
    if user.library_characters:
        documents = documents.model_copy(update={"library_characters": user.library_characters})
    server = {"max_runs": user.max_runs} if user.max_runs else {}
    return places_of(user.name, settings).model_copy(
        update={
            "documents": documents,
            "server": settings.server.model_copy(update=server),
        }
    )


def places_of(name: str, settings: Settings) -> Settings:
    """Return settings by which the stores of a user are opened, who may have been taken out.

    Raises:
        SettingsError: No user can have this name, or the database's address is wrong.
    """
    try:
        User(name=name, token_sha256=token_digest(""), folders=("/",))
    except ValidationError as error:
        raise SettingsError(f"There is no user {name}.", hint="`readroom users list` shows who there is.") from error
    places: dict[str, object] = {"data_dir": settings.data_dir / "users" / name}
    if url := settings.database_url:
        # It imports what talks to databases.
        from agents.storage import for_schema, postgres_schema

        places["database_url"] = for_schema(url, f"{postgres_schema(url)}_{name}")
    return settings.model_copy(update=places)


def token_digest(token: str) -> str:
    """Return what is kept of a bearer token, and compared with: its SHA-256 as hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()
