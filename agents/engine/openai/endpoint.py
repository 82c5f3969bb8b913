"""An OpenAI-compatible server: where it is, which model it serves, and what else it can do."""

import asyncio
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import Field, SecretStr

from agents.engine.engine import Availability
from agents.engine.openai.resending import CANNOT_NOW, ResendingClient, Sleep
from agents.errors import EngineError, SettingsError
from agents.schema import EngineInfo, Frozen
from agents.settings import EngineSettings

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_PROBE_SECONDS = 10.0
_PAUSES = 12 * (1.0,)
"""Seconds between two times that a server is asked for its models which cannot tell them now: vllm-router asks one of
its vLLMs, also one that has died, until two health checks have missed it; with those every 5 s that took 9.2 s."""
_NOT_FOUND = 404


def availability(settings: EngineSettings, _data_dir: Path | None = None) -> Availability:
    """Tell whether the settings name a server.

    Raises:
        SettingsError: They ask for one and name none.
    """
    if settings.base_url:
        return Availability(available=True, reason=f"READROOM_ENGINE__BASE_URL names {settings.base_url}.")
    if settings.kind == "openai":
        raise SettingsError(
            "READROOM_ENGINE__KIND is openai, and no server is named.",
            hint="Set READROOM_ENGINE__BASE_URL, for example to http://127.0.0.1:8000/v1.",
        )
    return Availability(available=False)


class Endpoint(Frozen):
    """A server and the model that is asked."""

    base_url: str = Field(description="With its /v1, without a trailing slash.")
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
        """Return the headers that authenticate a request."""
        return bearer(self.api_key)


async def find_endpoint(settings: EngineSettings, base_url: str, sleep: Sleep = asyncio.sleep) -> Endpoint:
    """Ask a server which models it serves, and take the one that the settings name, or its only one.

    A server that says it cannot answer now is asked again, one that cannot be reached is not.

    Args:
        settings: The engine's section.
        base_url: Where the server is.
        sleep: Waits for some seconds.

    Raises:
        EngineError: It cannot be reached, refuses the key, or does not serve the model.
    """
    address, models = await _list_models(settings, base_url.rstrip("/"), sleep)
    named = [model for model in models if model["id"] == settings.model]
    if not named and len(models) != 1:
        known = ", ".join(model["id"] for model in models[:10]) or "none"
        raise EngineError(
            f"{address} does not serve {settings.model}; its models are: {known}.",
            hint="Set READROOM_ENGINE__MODEL to one of them.",
        )
    model = (named or models)[0]
    is_vllm = model.get("owned_by") == "vllm"
    return Endpoint(
        base_url=address,
        model=model["id"],
        api_key=settings.api_key,
        tokenizes=is_vllm,
        request_seconds=settings.request_seconds,
        info=EngineInfo(
            name="vllm" if is_vllm else "openai-compatible",
            generative=True,
            model=model["id"],
            context_tokens=model.get("max_model_len") or settings.max_model_len,
            notes=()
            if named
            else (f"The server does not know {settings.model}; its only model {model['id']} answers.",),
        ),
    )


async def _list_models(settings: EngineSettings, base_url: str, sleep: Sleep) -> tuple[str, list[dict[str, Any]]]:
    """Return the address with its /v1, found where it was left out, and the server's models."""
    async with ResendingClient(
        sum(_PAUSES),
        sleep,
        _PAUSES,
        broken=(httpx.ReadTimeout,),
        verify=tls_verification(settings),
        headers=bearer(settings.api_key),
        timeout=_PROBE_SECONDS,
        trust_env=not is_loopback(base_url),
    ) as client:
        for address in (base_url, f"{base_url}/v1"):
            url = f"{address}/models"
            try:
                response = await client.get(url)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise EngineError(
                    f"The server of {url} cannot be reached: {error or type(error).__name__}.",
                    hint="Start it, or correct READROOM_ENGINE__BASE_URL.",
                    retryable=True,
                ) from error
            if response.status_code != _NOT_FOUND:
                return address, _read_models(response, address)
    raise EngineError(
        f"There is no OpenAI-compatible server at {base_url}.", hint="READROOM_ENGINE__BASE_URL must end in its /v1."
    )


def _read_models(response: httpx.Response, address: str) -> list[dict[str, Any]]:
    if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise EngineError(f"{address} refuses the key.", hint="Set READROOM_ENGINE__API_KEY to the server's key.")
    if response.status_code in CANNOT_NOW:
        raise EngineError(
            f"{address} cannot say now which models it serves (status {response.status_code}).",
            hint="Ask again.",
            retryable=True,
        )
    try:
        return [model for model in response.raise_for_status().json()["data"] if model.get("id")]
    except (httpx.HTTPStatusError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(
            f"{address}/models does not answer as an OpenAI-compatible server (status {response.status_code}).",
            hint="Correct READROOM_ENGINE__BASE_URL.",
        ) from error


def bearer(key: SecretStr | None) -> dict[str, str]:
    """Return the headers that carry a key; none without a key."""
    return {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}


def tls_verification(settings: EngineSettings) -> ssl.SSLContext | bool:
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
    """Whether an address stays on this machine; the environment's proxies are not used for it then."""
    return urlsplit(base_url).hostname in _LOOPBACK
