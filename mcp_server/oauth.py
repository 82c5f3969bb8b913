"""OAuth: access tokens that somebody else's authorization server has issued for this server, as JWTs.

Where to get them is told to clients by the SDK (RFC 9728); who they are of, by the subject that a user's entry names.
"""

import asyncio
import logging
from typing import NamedTuple

import jwt

from agents.errors import SettingsError
from agents.settings import ServerSettings

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Those that need the issuer's private key: with the others, whoever can read the public one could sign."""
_LEEWAY_SECONDS = 30
"""By which the issuer's clock may differ."""
_FETCH_SECONDS = 10
_logger = logging.getLogger(__name__)


class Issuer(NamedTuple):
    """Who issues tokens for this server."""

    url: str
    keys: str
    """Where its public keys are."""
    resource: str
    """This server, as clients and tokens name it."""


def configured_issuer(settings: ServerSettings) -> Issuer:
    """Return who issues tokens for this server.

    Raises:
        SettingsError: Only a part of it is said.
    """
    if not (settings.oauth_issuer and settings.oauth_keys and settings.oauth_resource):
        raise SettingsError(
            "READROOM_SERVER__OAUTH_ISSUER is set alone.",
            hint="Set READROOM_SERVER__OAUTH_KEYS and READROOM_SERVER__OAUTH_RESOURCE, too.",
        )
    return Issuer(settings.oauth_issuer, settings.oauth_keys, settings.oauth_resource)


class IssuedTokens:
    """Checks what an issuer has signed; its keys are fetched when they are first needed, and again when they change.

    Args:
        issuer: Who signs.
    """

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._keys = jwt.PyJWKClient(issuer.keys, timeout=_FETCH_SECONDS)

    async def subject(self, token: str) -> str | None:
        """Return whose token it is; None if it is not the issuer's, or not for this server, or not any more."""
        return await asyncio.to_thread(self._subject, token)

    def _subject(self, token: str) -> str | None:
        try:
            claims = jwt.decode(
                token,
                self._keys.get_signing_key_from_jwt(token),
                algorithms=_ALGORITHMS,
                audience=self._issuer.resource,
                issuer=self._issuer.url,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWKClientConnectionError as error:
            _logger.warning("No token of %s can be checked: %s", self._issuer.url, error)
            return None
        except (jwt.PyJWTError, ValueError):
            return None
        return claims["sub"]
