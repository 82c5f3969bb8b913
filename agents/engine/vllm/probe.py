"""Small questions to a running vLLM, over the standard library: is it ours, is it busy, is it asleep."""

import http.client
import json
import re
from dataclasses import dataclass
from typing import Literal

_SECONDS = 5.0
_WAKE_SECONDS = 60.0
_SHOWN_CHARACTERS = 200
"""Of a refusal."""
_SAMPLE = re.compile(
    r"^vllm:(num_requests_(?:running|waiting)|(?:prompt|generation)_tokens_total)(?:\{[^}]*\})? (\S+)$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Load:
    """What the engine is doing, by its own count."""

    running: int
    waiting: int
    tokens: int
    """All tokens that were ever read or written: it changes with every request."""

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return self.running + self.waiting == 0


class NoAnswerError(Exception):
    """The engine did not answer a prompt; the message says why, as a sentence about it."""


class Probe:
    """Asks one vLLM on this machine.

    Args:
        port: Its port on the loopback address.
        key: Its API key.
    """

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._key = key

    def is_ours(self, name: str) -> bool:
        """Whether it is healthy and serves a model under `name`."""
        if self._ask("GET", "/health") is None:
            return False
        listed = self._ask("GET", "/v1/models")
        try:
            return listed is not None and any(card["id"] == name for card in json.loads(listed)["data"])
        except (ValueError, KeyError, TypeError):
            return False

    def chat(self, model: str, prompt: str, max_tokens: int, seconds: float) -> str:
        """Return its most likely answer to a prompt.

        Raises:
            NoAnswerError: None came within the time, or something that is no answer.
        """
        body = {
            "model": model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": max_tokens,
            "temperature": 0,
        }
        try:
            status, answer = self._send("POST", "/v1/chat/completions", seconds, json.dumps(body))
        except TimeoutError as error:
            raise NoAnswerError(f"it gave no answer within {seconds:g} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswerError(f"it broke the connection off: {error}") from error
        if status != http.client.OK:
            raise NoAnswerError(f"it refused with status {status}: {' '.join(answer.split())[:_SHOWN_CHARACTERS]}")
        try:
            return json.loads(answer)["choices"][0]["message"]["content"] or ""
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise NoAnswerError("it answered with what is no chat completion") from error

    def load(self) -> Load | None:
        """Return what it is doing, or None where it does not answer."""
        text = self._ask("GET", "/metrics")
        if text is None:
            return None
        sums: dict[str, float] = {}
        for name, value in _SAMPLE.findall(text):
            sums[name] = sums.get(name, 0.0) + float(value)
        return Load(
            running=int(sums.get("num_requests_running", 0)),
            waiting=int(sums.get("num_requests_waiting", 0)),
            tokens=int(sums.get("prompt_tokens_total", 0) + sums.get("generation_tokens_total", 0)),
        )

    def asleep(self) -> bool | None:
        """Whether it sleeps; None where it cannot tell."""
        answer = self._ask("GET", "/is_sleeping")
        try:
            return None if answer is None else bool(json.loads(answer)["is_sleeping"])
        except (ValueError, KeyError, TypeError):
            return None

    def sleep(self) -> bool:
        """Give the GPU's memory back, weights to RAM; whether it really sleeps afterwards."""
        self._ask("POST", "/sleep?level=1", seconds=_WAKE_SECONDS)
        return self.asleep() is True

    def wake(self) -> bool:
        """Bring it back; whether it really is awake afterwards."""
        self._ask("POST", "/wake_up", seconds=_WAKE_SECONDS)
        return self.asleep() is False

    def _ask(
        self, method: Literal["GET", "POST"], path: str, seconds: float = _SECONDS, body: str | None = None
    ) -> str | None:
        """Return what it answers; None where it does not answer, or refuses."""
        try:
            status, answer = self._send(method, path, seconds, body)
        except (OSError, http.client.HTTPException):
            return None
        return answer if status == http.client.OK else None

    def _send(self, method: Literal["GET", "POST"], path: str, seconds: float, body: str | None) -> tuple[int, str]:
        """Return the status and the text of its answer.

        Raises:
            OSError: It cannot be reached or does not answer in time.
            HTTPException: What it answers is no HTTP.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=seconds)
        try:
            headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
        finally:
            connection.close()
