"""A bearer token for the HTTP transports."""

import hashlib
import hmac
from typing import TYPE_CHECKING

from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from pydantic import AnyHttpUrl
from typing_extensions import override

from agents.settings import ServerSettings

if TYPE_CHECKING:
    from pydantic import SecretStr


class StaticToken(TokenVerifier):
    """Accepts one token and compares in constant time."""

    def __init__(self, token: "SecretStr") -> None:
        self._digest = _digest(token.get_secret_value())

    @override
    async def verify_token(self, token: str) -> AccessToken | None:
        """Return what the token allows, or None if it is not the one."""
        if not hmac.compare_digest(_digest(token), self._digest):
            return None
        return AccessToken(token=token, client_id="readroom", scopes=[])


def token_verifier(settings: ServerSettings) -> StaticToken | None:
    """Return the verifier of the configured token, or None if there is none."""
    return StaticToken(settings.token) if settings.token else None


def auth_settings(settings: ServerSettings) -> AuthSettings | None:
    """Return what the SDK wants beside a verifier.

    No resource URL is named: the SDK would then announce an OAuth server, and clients would look for it in vain.
    """
    if settings.token is None:
        return None
    return AuthSettings(issuer_url=AnyHttpUrl("http://localhost"), resource_server_url=None)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
