"""An OpenAI-compatible server: where it is, which model it serves, and what it can do besides."""

import ssl
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import Field, SecretStr

from agents.errors import EngineError
from agents.schema import EngineInfo, Frozen
from agents.settings import EngineSettings

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_PROBE_SECONDS = 10.0
_NOT_FOUND = 404


class Endpoint(Frozen):
    """A server and the model that is asked."""

    base_url: str = Field(description="With its /v1, without a slash behind it.")
    model: str
    api_key: SecretStr | None = None
    info: EngineInfo
    tokenizes: bool = Field(description="Whether it counts tokens at /tokenize, as vLLM does.")
    request_seconds: float

    @property
    def root(self) -> str:
        """The server's own address, where vLLM's other paths are."""
        return self.base_url.removesuffix("/v1")

    def headers(self) -> dict[str, str]:
        """Return what authenticates a request."""
        return _headers(self.api_key)


def _headers(key: SecretStr | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}


def verification(settings: EngineSettings) -> ssl.SSLContext | bool:
    """Return which certificates are trusted.

    Raises:
        EngineError: The file of certificates cannot be read.
    """
    if settings.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(settings.ca_file))
    except OSError as error:
        raise EngineError(
            f"READROOM_ENGINE__CA_FILE {settings.ca_file} cannot be read: {error}.",
            hint="Name a file of certificates in PEM form.",
        ) from error


def is_loopback(base_url: str) -> bool:
    """Whether an address stays on this machine; proxies of the environment are not asked for it then."""
    return urlsplit(base_url).hostname in _LOOPBACK


async def find_endpoint(settings: EngineSettings, base_url: str) -> Endpoint:
    """Ask a server which models it serves, and take the one that the settings name, or its only one.

    Raises:
        EngineError: It cannot be reached, refuses the key, or does not serve the model.
    """
    address, cards = await _list_models(settings, base_url.rstrip("/"))
    card = _choose(cards, settings, address)
    is_vllm = card.get("owned_by") == "vllm"
    context = card.get("max_model_len")
    named = settings.model == card["id"]
    return Endpoint(
        base_url=address,
        model=card["id"],
        api_key=settings.api_key,
        tokenizes=is_vllm,
        request_seconds=settings.request_seconds,
        info=EngineInfo(
            name="vllm" if is_vllm else "openai-compatible",
            model=card["id"],
            context_tokens=context or settings.max_model_len,
            notes=()
            if named
            else (f"The server does not know {settings.model}; its only model {card['id']} answers.",),
        ),
    )


async def _list_models(settings: EngineSettings, base_url: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the address with its /v1, found where it was left out, and the models."""
    async with httpx.AsyncClient(
        verify=verification(settings),
        headers=_headers(settings.api_key),
        timeout=_PROBE_SECONDS,
        trust_env=not is_loopback(base_url),
    ) as client:
        for address in (base_url, f"{base_url}/v1"):
            response = await _get(client, f"{address}/models")
            if response.status_code != _NOT_FOUND:
                return address, _cards(response, address)
    raise EngineError(
        f"There is no OpenAI-compatible server at {base_url}.", hint="READROOM_ENGINE__BASE_URL must end in its /v1."
    )


async def _get(client: httpx.AsyncClient, url: str) -> httpx.Response:
    try:
        return await client.get(url)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise EngineError(
            f"The server of {url} cannot be reached: {error or type(error).__name__}.",
            hint="Start it, or correct READROOM_ENGINE__BASE_URL.",
            retryable=True,
        ) from error


def _cards(response: httpx.Response, address: str) -> list[dict[str, Any]]:
    if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise EngineError(f"{address} refuses the key.", hint="Set READROOM_ENGINE__API_KEY to the server's key.")
    try:
        return [card for card in response.raise_for_status().json()["data"] if card.get("id")]
    except (httpx.HTTPStatusError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(
            f"{address}/models does not answer as an OpenAI-compatible server (status {response.status_code}).",
            hint="Correct READROOM_ENGINE__BASE_URL.",
        ) from error


def _choose(cards: list[dict[str, Any]], settings: EngineSettings, address: str) -> dict[str, Any]:
    named = [card for card in cards if card["id"] == settings.model]
    if named or len(cards) == 1:
        return (named or cards)[0]
    known = ", ".join(card["id"] for card in cards[:10]) or "none"
    raise EngineError(
        f"{address} does not serve {settings.model}; its models are: {known}.",
        hint="Set READROOM_ENGINE__MODEL to one of them.",
    )
