"""The engine over any OpenAI-compatible server: our own vLLM, a cluster, llama.cpp, LM Studio, Ollama.

Besides the engine itself: its HTTP client, and counting tokens as the model does.
"""

import asyncio
import logging
import math
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, cast

import httpx
import openai
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI
from pydantic import SecretStr
from pydantic.config import JsonDict

from agents.engine import output_schema, prompt_layout
from agents.engine.engine import Choice, ChoiceResult, InvalidAnswerError, Outcome, ResultT, Task
from agents.engine.model_config import local_folder
from agents.engine.openai.endpoint import Endpoint, find_endpoint, is_loopback, tls_verification
from agents.engine.openai.resending import ResendingClient
from agents.errors import EngineError
from agents.language.tokens import Estimate, TokenCounter, estimate_tokens
from agents.schema import EngineInfo, OnProgress, Usage
from agents.settings import EngineSettings
from agents.telemetry import carrier, engine_request, untraced

_logger = logging.getLogger(__name__)
_CONNECT_SECONDS = 10.0
_KEEP_ALIVE_SECONDS = 2.0
"""vLLM closes a connection that is idle for 5 s; httpx would use it for as long, and meet the closing one."""
AFFINITY_HEADER = "X-Session-ID"
"""What vllm-router looks for first, and other routers and load balancers can be told to; a single engine ignores it."""
_MIN_ANSWER_TOKENS = 48

GREEDY: dict[str, float] = {"temperature": 0.0}
PROSE: dict[str, float] = {"temperature": 0.7, "top_p": 0.8, "top_k": 20, "min_p": 0.0}
"""As the model card of Qwen3-4B-Instruct-2507 advises."""
_OPENAI_OPTIONS = ("max_tokens", "stop", "temperature", "top_p")
"""What every server knows; the rest is vLLM's and others' extension."""

_TOP_LOGPROBS = 20
"""As many as OpenAI's own API gives."""
_CERTAIN = 10.0
"""Log odds of a word from a server that tells no probabilities."""
_CONSTRAINTS = ("json_schema", "json_object", "prompt")
"""How the form of an answer is enforced, best first; a server that refuses one is not asked for it again."""
_Form = Literal["lines", "schema", "schema again"]
"""How an answer is asked for: freely, line by line; under its schema; or under a tighter one, with a word why."""
_UNDER_SCHEMA: tuple[_Form, ...] = ("schema", "schema again")
_MAX_CACHED_COUNTS = 8_192
"""A document of 128K tokens has some 450 passages; each is counted once."""
_MAX_CACHED_CHARACTERS = 16_384
"""Of one text; longer ones are counted anew."""


@dataclass(frozen=True)
class Reply:
    """What the server sent."""

    text: str
    truncated: bool
    usage: Usage
    lines: bool = False
    """Whether it was asked for line by line, and not as JSON."""

    def parse(self, task: Task[ResultT]) -> ResultT:
        """Parse the task's result.

        Raises:
            InvalidAnswerError: It was cut, or does not fit.
        """
        if self.lines:
            # Of a list that was cut, the whole lines count.
            return output_schema.parse_lines(task, self.text.rpartition("\n")[0] if self.truncated else self.text)
        if self.truncated:
            raise InvalidAnswerError("it was too long and was cut")
        return output_schema.parse(task, self.text)


class OpenAIEngine:
    """Renders tasks as prompts in the shared-prefix layout and has the answers' form enforced by the server.

    Args:
        endpoint: The server and the model.
        settings: The engine's section.
    """

    def __init__(self, endpoint: Endpoint, settings: EngineSettings) -> None:
        self._endpoint = endpoint
        self._constraint = 0
        self._reads = settings.check_reading
        """Whether the model is expected to read; one of random weights need not end a text."""
        self._unending: set[str] = set()
        """Tasks whose answers did not end by themselves: their texts are held to lengths, which decodes more slowly."""
        self._in_lines: Counter[str] = Counter()
        """By kind of task: how many more answers in lines had their form than had not."""
        self._sampling_extensions = True
        self._tells_logprobs = True
        verify = tls_verification(settings)
        local = is_loopback(endpoint.base_url)
        timeout = httpx.Timeout(endpoint.request_seconds, connect=_CONNECT_SECONDS)
        limits = httpx.Limits(max_connections=None, keepalive_expiry=_KEEP_ALIVE_SECONDS)
        self._http = ResendingClient(
            endpoint.request_seconds, verify=verify, trust_env=not local, timeout=timeout, limits=limits
        )
        self._sync_http = httpx.Client(verify=verify, trust_env=not local, timeout=_CONNECT_SECONDS)
        self._chat = ChatOpenAI(
            model=endpoint.model,
            base_url=endpoint.base_url,
            api_key=endpoint.api_key or SecretStr("none"),
            max_retries=0,
            stream_usage=True,
            timeout=timeout,
            http_async_client=self._http,
            http_client=self._sync_http,
        )
        self._count, tokenizer = self._counter()
        self._info = endpoint.info.model_copy(update={"tokenizer": tokenizer})

    @classmethod
    async def open(
        cls, settings: EngineSettings, _data_dir: Path | None = None, _on_progress: OnProgress | None = None
    ) -> "OpenAIEngine":
        """Open the engine at READROOM_ENGINE__BASE_URL.

        Raises:
            EngineError: It cannot be reached, refuses the key, or does not serve the model.
        """
        return cls(await find_endpoint(settings, settings.base_url or ""), settings)

    @property
    def info(self) -> EngineInfo:
        """What the engine is."""
        return self._info

    def count_tokens(self, text: str) -> int:
        """Count a text's tokens: by the checkpoint's tokenizer, by the server, or estimated, as `info` says."""
        return self._count(text)

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        """Compute one task; where an answer is cut or of the wrong form, a shorter one is asked for, once.

        What can be written line by line is asked for so at first: no grammar slows its decoding down, and it has fewer
        tokens than JSON. An answer that does not have that form is asked for under its schema.

        Raises:
            EngineError: The server did not answer, or twice gave an invalid result.
        """
        started = time.monotonic()
        if isinstance(task, Choice):
            chosen, usage = await self._choose(task)
            return Outcome(cast("ResultT", chosen), usage.model_copy(update={"seconds": time.monotonic() - started}))
        result, usage = await self._run_in_lines(task) if self._writes_lines(task) else (None, Usage())
        if result is None:
            result, more = await self._run_under_schema(task)
            usage += more
        return Outcome(result, usage.model_copy(update={"seconds": time.monotonic() - started}))

    def _writes_lines(self, task: Task[ResultT]) -> bool:
        """Whether a task is asked for line by line: not while its kind has lacked the form more often than had it."""
        return self._reads and bool(task.line_form()) and self._in_lines[type(task).__name__] >= 0

    async def _run_in_lines(self, task: Task[ResultT]) -> tuple[ResultT | None, Usage]:
        """Return a task's result; None where what came back does not have the form."""
        kind, reply = type(task).__name__, await self._request(task, output_schema.schema(task), "lines")
        try:
            result = reply.parse(task)
        except InvalidAnswerError as error:
            _logger.info("The answer to %s in lines is invalid: %s", kind, error)
            self._in_lines[kind] -= 1
            return None, reply.usage
        self._in_lines[kind] += 1
        return result, reply.usage

    async def _run_under_schema(self, task: Task[ResultT]) -> tuple[ResultT, Usage]:
        schema, feedback, usage = output_schema.schema(task), "", Usage()
        for form in _UNDER_SCHEMA:
            reply = await self._request(task, schema, form, feedback)
            usage += reply.usage
            try:
                return reply.parse(task), usage
            except InvalidAnswerError as error:
                _logger.info("The answer to %s is invalid: %s", type(task).__name__, error)
                if reply.truncated:
                    self._unending.add(type(task).__name__)
                schema = output_schema.tightened(schema)
                feedback = (
                    f"Your last answer could not be used: {error}. Answer again, shorter, in exactly the form above."
                )
        raise EngineError(
            f"{self._info.model} twice gave no valid answer to {type(task).__name__}.",
            hint="Ask again, or use a model that follows JSON schemas.",
            retryable=True,
        )

    async def _choose(self, task: Choice) -> tuple[ChoiceResult, Usage]:
        """Ask for one word, and read from the probabilities of the first token how sure the engine is."""
        messages = prompt_layout.messages(task, "")
        body: dict[str, Any] = {"max_tokens": task.max_tokens, **GREEDY}
        message: AIMessage | None = None
        try:
            if self._tells_logprobs:
                with suppress(openai.BadRequestError):
                    message = await self._invoke(
                        task, messages, {**body, "logprobs": True, "top_logprobs": _TOP_LOGPROBS}
                    )
            if message is None:
                message = await self._invoke(task, messages, body)
                # Only now is it known that the refusal was for the log probabilities.
                self._tells_logprobs = False
        except openai.APIError as error:
            raise self._as_engine_error(error) from error
        return ChoiceResult(log_odds=log_odds(message)), _usage(message)

    async def count_prompt_tokens(self, task: Task[ResultT]) -> int:
        """Count the tokens of a task's whole prompt: exact where the server tokenizes, else close above."""
        template = output_schema.template(output_schema.schema(task))
        return await self._count_messages(prompt_layout.messages(task, template))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
        self._sync_http.close()

    async def _request(self, task: Task[ResultT], schema: JsonDict, form: _Form, feedback: str = "") -> Reply:
        """Send a task, again and again without what the server refuses."""
        lines, again = form == "lines", form == "schema again"
        while True:
            constraint, extensions = self._constraint, self._sampling_extensions
            template = "" if lines else output_schema.template(schema)
            messages = prompt_layout.messages(task, template, feedback)
            fitting, max_tokens = await self._fit_context(task, schema, messages)
            ends = self._reads and not again and type(task).__name__ not in self._unending and fitting == schema
            body: dict[str, Any] = {"max_tokens": max_tokens} | (PROSE if task.prose or again else GREEDY)
            if lines and (stop := task.line_stop()):
                body["stop"] = [stop]
            if not extensions:
                body = {name: value for name, value in body.items() if name in _OPENAI_OPTIONS}
            match "prompt" if lines else _CONSTRAINTS[constraint]:
                case "json_schema":
                    sent = output_schema.without_lengths(schema) if ends else fitting
                    named = {"name": type(task).__name__, "strict": True, "schema": sent}
                    body["response_format"] = {"type": "json_schema", "json_schema": named}
                case "json_object":
                    body["response_format"] = {"type": "json_object"}
                case _:
                    pass
            try:
                return await self._send(task, messages, body, lines=lines)
            except openai.BadRequestError as error:
                self._downgrade(error, constraint, extensions)
            except openai.APIError as error:
                raise self._as_engine_error(error) from error

    async def _send(
        self, task: Task[ResultT], messages: list[dict[str, str]], body: dict[str, Any], *, lines: bool
    ) -> Reply:
        message = await self._invoke(task, messages, body)
        truncated = message.response_metadata.get("finish_reason") == "length"
        return Reply(message.text, truncated, _usage(message), lines)

    async def _invoke(self, task: Task[ResultT], messages: list[dict[str, str]], body: dict[str, Any]) -> AIMessage:
        endpoint = self._endpoint
        with untraced(), engine_request(endpoint.model, endpoint.base_url, body["max_tokens"]) as tell:
            # Inside, for the span of the request is the one that the server is told of.
            headers = {AFFINITY_HEADER: prompt_layout.affinity(task), **carrier()}
            message = await self._chat.ainvoke(messages, extra_body=body, extra_headers=headers)
            tell(_usage(message))
        return message

    async def _fit_context(
        self, task: Task[ResultT], schema: JsonDict, messages: list[dict[str, str]]
    ) -> tuple[JsonDict, int]:
        """Return a schema whose longest answer the context still holds, and the bound on the answer's tokens.

        Under a schema the answer ends by itself; the bound is what its longest form takes.
        """
        wanted = max(task.max_tokens, output_schema.max_answer_tokens(schema))
        context = self._endpoint.info.context_tokens or 0
        # No text has more tokens than bytes: most prompts need no counting.
        bytes_ = sum(len(message["content"].encode()) for message in messages)
        if bytes_ + prompt_layout.TEMPLATE_TOKENS + wanted <= context:
            return schema, wanted
        prompt = await asyncio.to_thread(self._count_by_passage, task, messages)
        if prompt + wanted > context:
            prompt = await self._count_messages(messages)
        room = context - prompt
        if room < _MIN_ANSWER_TOKENS:
            raise EngineError(
                f"The prompt has {prompt:,} tokens, and {self._info.model} holds {context:,}.",
                hint="Read the document in smaller windows: lower READROOM_SUPERVISOR__WINDOW_TOKENS.",
            )
        while output_schema.max_answer_tokens(schema) > room and (less := output_schema.tightened(schema, 2)) != schema:
            schema = less
        return schema, min(wanted, room)

    def _count_by_passage(self, task: Task[ResultT], messages: list[dict[str, str]]) -> int:
        """Count a prompt by its passages, whose counts are cached; the joints make it a little too high."""
        text = sum(len(passage.text) for passage in task.evidence)
        around = sum(len(message["content"]) for message in messages) - text
        return sum(self._count(passage.text) for passage in task.evidence) + around + prompt_layout.TEMPLATE_TOKENS

    async def _count_messages(self, messages: list[dict[str, str]]) -> int:
        if not self._endpoint.tokenizes:
            return self._count_contents(messages)
        try:
            response = await self._http.post(
                f"{self._endpoint.root}/tokenize",
                json={"model": self._endpoint.model, "messages": messages},
                headers=self._endpoint.headers(),
            )
            return response.raise_for_status().json()["count"]
        except httpx.HTTPStatusError:
            # Some routers pass on what begins with /v1, and nothing else.
            return await asyncio.to_thread(self._count_contents, messages)
        except httpx.HTTPError as error:
            raise self._unreachable(str(error)) from error

    def _count_contents(self, messages: list[dict[str, str]]) -> int:
        return sum(self._count(message["content"]) for message in messages) + prompt_layout.TEMPLATE_TOKENS

    def _counter(self) -> tuple[TokenCounter, str]:
        if local := local_counter(self._endpoint.model):
            return local, self._endpoint.model
        if self._endpoint.tokenizes:
            return server_counter(self._count_on_server), self._endpoint.model
        return estimate_tokens, "estimate"

    def _count_on_server(self, text: str) -> int:
        response = self._sync_http.post(
            f"{self._endpoint.root}/tokenize",
            json={"model": self._endpoint.model, "prompt": text, "add_special_tokens": False},
            headers=self._endpoint.headers(),
        )
        return response.raise_for_status().json()["count"]

    def _downgrade(self, error: openai.BadRequestError, constraint: int, extensions: bool) -> None:
        """Note what the server refuses, so that it is not asked for it again.

        Raises:
            EngineError: It refuses something that every request needs.
        """
        text = str(error).lower()
        if extensions and ("top_k" in text or "min_p" in text):
            self._sampling_extensions = False
        elif any(word in text for word in ("response_format", "schema", "grammar", "json", "pattern", "regex")):
            if constraint + 1 == len(_CONSTRAINTS):
                raise self._as_engine_error(error) from error
            self._constraint = max(self._constraint, constraint + 1)
        else:
            raise self._as_engine_error(error) from error
        _logger.info("%s refuses a part of the request (%s) and is asked without it", self._endpoint.base_url, error)

    def _as_engine_error(self, error: openai.APIError) -> EngineError:
        where = f"The engine at {self._endpoint.base_url}"
        if isinstance(error, openai.APITimeoutError):
            return EngineError(
                f"{where} did not answer within {self._endpoint.request_seconds:.0f} s.",
                hint="Raise READROOM_ENGINE__REQUEST_SECONDS, or ask about less text.",
                retryable=True,
            )
        if isinstance(error, openai.APIConnectionError):
            return self._unreachable(str(error.__cause__ or error))
        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            return EngineError(f"{where} refuses the key.", hint="Set READROOM_ENGINE__API_KEY to the server's key.")
        if isinstance(error, openai.NotFoundError):
            return EngineError(f"{where} has no model {self._endpoint.model}.", hint="Correct READROOM_ENGINE__MODEL.")
        retryable = not isinstance(error, openai.BadRequestError)
        hint = "Ask again." if retryable else "Correct the settings of the engine, or ask about less text."
        return EngineError(f"{where} refused the request: {error.message.rstrip('.')}.", hint=hint, retryable=retryable)

    def _unreachable(self, reason: str) -> EngineError:
        return EngineError(
            f"The engine at {self._endpoint.base_url} stopped answering: {reason}.", hint="Ask again.", retryable=True
        )


def log_odds(message: AIMessage) -> float | None:
    """Return the log odds of "yes" against "no" as the first word of a reply; None where it is neither.

    A server that tells no probabilities is taken at its word.
    """
    told: Any = message.response_metadata.get("logprobs") or {}
    tokens: list[Any] = told.get("content") or [{}]
    first: list[Any] = tokens[0].get("top_logprobs") or []
    if not first:
        word = message.text.strip().casefold()
        return _CERTAIN if word.startswith("yes") else -_CERTAIN if word.startswith("no") else None
    likely = {"yes": 0.0, "no": 0.0}
    for each in first:
        word = str(each["token"]).strip().casefold()
        if word in likely:
            likely[word] += math.exp(each["logprob"])
    if not any(likely.values()):
        return None
    least = math.exp(-2 * _CERTAIN)
    return math.log(max(likely["yes"], least)) - math.log(max(likely["no"], least))


def _usage(message: AIMessage) -> Usage:
    used: Any = message.usage_metadata or {}
    return Usage(
        engine_calls=1,
        prompt_tokens=used.get("input_tokens", 0),
        cached_tokens=used.get("input_token_details", {}).get("cache_read") or 0,
        completion_tokens=used.get("output_tokens", 0),
    )


def local_counter(model: str) -> TokenCounter | None:
    """Return a counter over the checkpoint's own tokenizer.json; None where it is not on this machine."""
    folder = local_folder(model)
    path = folder / "tokenizer.json" if folder else None
    if path is None or not path.is_file():
        return None
    from tokenizers import Tokenizer

    tokenizer = cast("Any", Tokenizer).from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return cached_counter(lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids))


def server_counter(count: TokenCounter) -> TokenCounter:
    """Return a counter that asks the server, and gives an `Estimate` while the server does not answer."""
    cached = cached_counter(count)

    def counted(text: str) -> int:
        try:
            return cached(text)
        except (httpx.HTTPError, KeyError, ValueError):
            return Estimate(estimate_tokens(text))

    return counted


def cached_counter(count: TokenCounter) -> TokenCounter:
    """Return a counter that caches the counts of texts of a passage's size."""
    cached = lru_cache(maxsize=_MAX_CACHED_COUNTS)(count)
    return lambda text: cached(text) if len(text) <= _MAX_CACHED_CHARACTERS else count(text)
