"""The vLLM behind the engine, measured directly: decode, prefill, context, KV cache, memory and sleep.

Prompts have an exact length, and every answer is timed by our clock beside the engine's own metrics.
"""

import asyncio
import json
import math
import random
import re
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from filelock import Timeout
from pydantic import SecretStr
from pydantic.config import JsonDict

from agents.benchmark.corpus import prose
from agents.benchmark.report import Measurement
from agents.engine import output_schema
from agents.engine.model_config import GIB, ModelShape, read_shape
from agents.engine.openai.endpoint import Endpoint, find_endpoint, is_loopback
from agents.engine.registry import choose_engine
from agents.engine.tasks.reading import MAX_NOTES, WindowNotes
from agents.engine.vllm.hardware import read_gpus
from agents.engine.vllm.memory_plan import MemoryMeter, MemoryPlan
from agents.engine.vllm.probe import Probe
from agents.engine.vllm.state_files import Attachment, EngineFiles, EngineState
from agents.errors import EngineError
from agents.schema import EngineInfo
from agents.settings import Settings

T = TypeVar("T")
DECODE_PROMPT_TOKENS = 1_024
DECODE_TOKENS = 128
SHORT_TOKENS = 4_096
SHORT_REPEATS = 3
"""Short prompts are asked several times, since one takes but milliseconds."""
AGREEMENT = 0.05
"""Two clocks that differ by no more than this share of the larger agree."""
CLOCKS = "Our client's clock"
_SAMPLE_SECONDS = 0.5
_LOCK_SECONDS = 30.0
_CONNECT_SECONDS = 10.0
_POOL_SENTENCES = 400
_MIB_PER_GIB = 1_024
_SAMPLE = re.compile(r"^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Served:
    """A vLLM server; with `state` it is our own resident one, whose processes and files we know."""

    endpoint: Endpoint
    files: EngineFiles
    state: EngineState | None = None

    @property
    def plan(self) -> MemoryPlan | None:
        """Where its GPU memory was to go; None on a CPU, and for a server that others started."""
        return self.state.launch.plan if self.state else None

    @property
    def on_gpu(self) -> bool:
        """Whether it computes on an NVIDIA GPU of this machine, as far as we can know."""
        if self.state:
            return self.plan is not None
        return is_loopback(self.endpoint.base_url) and bool(read_gpus())

    def memory_gib(self) -> float | None:
        """Return what its processes hold: GPU memory, or RAM without a GPU; None where others started it."""
        return MemoryMeter(self.plan).gib(self.state.engine) if self.state else None

    @contextmanager
    def in_use(self) -> Generator[None]:
        """Keep it from being put to sleep while it is measured."""
        if self.state is None:
            yield
            return
        client = Attachment(self.files)
        client.attach()
        try:
            with client.busy():
                yield
        finally:
            client.detach()

    def sleep_and_wake(self) -> tuple[float, float, float | None]:
        """Return the seconds of falling asleep and of waking, and the GiB held in between.

        Raises:
            EngineError: It is in use, cannot sleep, or could not be woken.
        """
        state = self.state
        if state is None or state.port is None or not state.launch.can_sleep:
            raise EngineError("This engine does not sleep.", hint="Only the resident engine on a GPU does.")
        probe = Probe(state.port, self.files.key())
        try:
            with self.files.lock("use").acquire(timeout=_LOCK_SECONDS):
                load = probe.load()
                if self.files.busy() or load is None or not load.idle:
                    raise EngineError("The engine is in use and is not put to sleep.", hint="Measure when it is idle.")
                started = time.perf_counter()
                slept = probe.sleep()
                fell = time.perf_counter()
                held = self.memory_gib()
                measured = time.perf_counter()
                woke = probe.wake()
                ended = time.perf_counter()
        except Timeout as error:
            raise EngineError(
                "The engine is in use and is not put to sleep.", hint="Measure when it is idle."
            ) from error
        if not (slept and woke):
            raise EngineError(
                "The engine did not sleep and wake as asked.", hint="`readroom engine status` says how it is."
            )
        return fell - started, ended - measured, held


async def find_served(settings: Settings, info: EngineInfo) -> Served | None:
    """Return the vLLM that an open engine asks, or None where it is none.

    Raises:
        EngineError: It does not answer.
    """
    if info.name != "vllm":
        return None
    files = EngineFiles(settings.data_dir)
    if choose_engine(settings.engine, settings.data_dir).kind == "openai":
        return Served(await find_endpoint(settings.engine, settings.engine.base_url or ""), files)
    state = files.read_state()
    if state is None or state.port is None:
        raise EngineError("The resident engine has just ended.", hint="Run `readroom engine start`, then again.")
    ours = settings.engine.model_copy(update={"api_key": SecretStr(files.key()), "model": state.model})
    return Served(await find_endpoint(ours, f"http://127.0.0.1:{state.port}/v1"), files, state)


@dataclass(frozen=True)
class Sample:
    """One line of a Prometheus exposition."""

    name: str
    labels: dict[str, str]
    value: float

    @classmethod
    def parse(cls, line: str) -> "Sample | None":
        """Read a line; None where it is a comment or no sample."""
        found = _SAMPLE.match(line)
        if found is None:
            return None
        try:
            value = float(found[3])
        except ValueError:
            return None
        labels = {
            name: re.sub(r"\\(.)", lambda escaped: "\n" if escaped[1] == "n" else escaped[1], text)
            for name, text in _LABEL.findall(found[2] or "")
        }
        return cls(found[1], labels, value)


class Metrics:
    """The samples of one moment, in the text format of Prometheus (version 0.0.4).

    Args:
        samples: In any order; several with one name differ in their labels.
    """

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = tuple(samples)

    @classmethod
    def parse(cls, text: str) -> "Metrics":
        """Read an exposition; comments and lines that are none are passed over."""
        return cls(sample for line in text.splitlines() if (sample := Sample.parse(line)))

    def total(self, name: str, **labels: str) -> float | None:
        """Return the sum of the samples with this name and these labels, or None where there is none."""
        values = [
            sample.value for sample in self._samples if sample.name == name and labels.items() <= sample.labels.items()
        ]
        return sum(values) if values else None

    def label(self, name: str, label: str) -> str | None:
        """Return a label of the first sample with this name."""
        return next((s.labels[label] for s in self._samples if s.name == name and label in s.labels), None)


def increase(before: Metrics, after: Metrics, name: str, **labels: str) -> float | None:
    """Return by how much a counter rose, or None where the engine does not count it."""
    end = after.total(name, **labels)
    return None if end is None else end - (before.total(name, **labels) or 0.0)


def compare_clocks(client: float, engine: float | None) -> str:
    """Say how a figure by our clock and the engine's own compare."""
    if not engine or not client:
        return "the engine keeps no figure of its own"
    apart = abs(client - engine) / max(client, engine)
    verdict = "agrees" if apart <= AGREEMENT else "does not agree"
    return f"the engine's own figure {verdict}: {engine:,.{0 if engine >= 100 else 3}f} ({apart:.0%} apart)"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclass(frozen=True)
class Completion:
    """One streamed answer; times are seconds since the request was sent."""

    first_token_seconds: float
    seconds: float
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int

    @property
    def decode_seconds(self) -> float:
        """Seconds from the first token to the last."""
        return self.seconds - self.first_token_seconds


class CompletionClient:
    """A client of a vLLM server, made for measuring.

    Args:
        endpoint: The server and the model.
        transport: Sends the requests; a test gives its own.
    """

    def __init__(self, endpoint: Endpoint, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._endpoint = endpoint
        self._pool: list[int] = []
        self._http = httpx.AsyncClient(
            headers=endpoint.headers(),
            timeout=httpx.Timeout(endpoint.request_seconds, connect=_CONNECT_SECONDS),
            trust_env=not is_loopback(endpoint.base_url),
            transport=transport,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def metrics(self) -> Metrics:
        """Return the engine's own figures of this moment.

        Raises:
            EngineError: It shows none.
        """
        return Metrics.parse((await self._request("GET", f"{self._endpoint.root}/metrics")).text)

    async def version(self) -> str:
        """Return the server's version.

        Raises:
            EngineError: It does not say.
        """
        return str((await self._request("GET", f"{self._endpoint.root}/version")).json()["version"])

    async def tokens(self, text: str) -> list[int]:
        """Return a text's tokens.

        Raises:
            EngineError: The server does not tokenize.
        """
        body = {"model": self._endpoint.model, "prompt": text, "add_special_tokens": False}
        return (await self._request("POST", f"{self._endpoint.root}/tokenize", body)).json()["tokens"]

    async def prompt(self, tokens: int, seed: int) -> list[int]:
        """Return a prompt of exactly so many tokens; another seed shares no beginning with it.

        Raises:
            EngineError: The server does not tokenize.
        """
        if not self._pool:
            sentences = prose(seed=1)
            self._pool = await self.tokens(" ".join(next(sentences) for _ in range(_POOL_SENTENCES)))
        return random.Random(seed).choices(self._pool, k=tokens)  # noqa: S311 - reproducible, nothing is secret

    async def complete(self, prompt: str | Sequence[int], tokens: int, schema: JsonDict | None = None) -> Completion:
        """Have exactly `tokens` tokens written behind a prompt, which is text or tokens.

        Args:
            prompt: What is read.
            tokens: How many are written; at most so many, where a schema lets the answer end.
            schema: What the answer must fit.

        Raises:
            EngineError: The engine did not answer.
        """
        body: dict[str, Any] = {
            "model": self._endpoint.model,
            "prompt": prompt if isinstance(prompt, str) else list(prompt),
            "max_tokens": tokens,
            "temperature": 0.0,
            "ignore_eos": schema is None,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if schema is not None:
            body["structured_outputs"] = {"json": schema}
        arrivals: list[float] = []
        usage: dict[str, Any] = {}
        sent = time.perf_counter()
        async for event in self._events(body):
            if event.get("choices"):
                arrivals.append(time.perf_counter() - sent)
            usage = event.get("usage") or usage
        if not arrivals:
            raise self._failed("sent no tokens")
        if "prompt_tokens" not in usage:
            raise self._failed("did not say how many tokens it read")
        cached: dict[str, int] = usage.get("prompt_tokens_details") or {}
        return Completion(
            first_token_seconds=arrivals[0],
            seconds=arrivals[-1],
            prompt_tokens=usage["prompt_tokens"],
            cached_tokens=cached.get("cached_tokens") or 0,
            completion_tokens=usage.get("completion_tokens", tokens),
        )

    async def log_probabilities(self, prompt: Sequence[int]) -> list[float]:
        """Return the log-probability of each token of a prompt but the first, given all before it.

        Raises:
            EngineError: The engine does not give them.
        """
        body = {
            "model": self._endpoint.model,
            "prompt": list(prompt),
            "max_tokens": 1,
            "temperature": 0.0,
            "prompt_logprobs": 0,
        }
        answer = (await self._request("POST", f"{self._endpoint.base_url}/completions", body)).json()
        given = answer["choices"][0].get("prompt_logprobs")
        if not given:
            raise self._failed("gives no log-probabilities of a prompt")
        return [step[str(token)]["logprob"] for token, step in zip(prompt, given, strict=True) if step]

    async def _events(self, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        url = f"{self._endpoint.base_url}/completions"
        try:
            async with self._http.stream("POST", url, json=body) as response:
                await self._check(response)
                async for line in response.aiter_lines():
                    if line.startswith("data: {"):
                        yield json.loads(line.removeprefix("data: "))
        except httpx.HTTPError as error:
            raise self._failed(f"broke off: {error or type(error).__name__}") from error

    async def _request(self, method: str, url: str, body: dict[str, Any] | None = None) -> httpx.Response:
        try:
            response = await self._http.request(method, url, json=body)
        except httpx.HTTPError as error:
            raise self._failed(f"cannot be reached: {error or type(error).__name__}") from error
        await self._check(response)
        return response

    async def _check(self, response: httpx.Response) -> None:
        if response.is_error:
            text = (await response.aread()).decode(errors="replace")
            raise self._failed(f"answered {response.status_code} at {response.url.path}: {text[:300]}")

    def _failed(self, what: str) -> EngineError:
        return EngineError(
            f"The engine at {self._endpoint.base_url} {what}.",
            hint="`readroom engine status` and `readroom engine logs` say how it is.",
        )


@dataclass
class Serving:
    """What measures a vLLM server."""

    client: CompletionClient
    context_tokens: int
    shape: ModelShape | None = None
    seed: int = 0
    """Prompts of another run must not be in the prefix cache, so each run has its own seed."""
    say: Callable[[str], None] = lambda _: None
    """Told what is being done now."""

    @classmethod
    def of(cls, served: Served, settings: Settings, say: Callable[[str], None] = lambda _: None) -> "Serving":
        """Return what measures a server; the caller closes its client."""
        return cls(
            client=CompletionClient(served.endpoint),
            context_tokens=served.endpoint.info.context_tokens or settings.engine.max_model_len,
            shape=read_shape(served.endpoint.model) or read_shape(settings.engine.model),
            seed=time.time_ns() % 1_000_000_007,
            say=say,
        )

    async def prompt(self, tokens: int) -> list[int]:
        """Return a prompt that the engine has not seen."""
        self.seed += 1
        return await self.client.prompt(tokens, self.seed)


def notes_schema() -> JsonDict:
    """Return the schema of as many notes of a window as there may be: an answer that does not end early."""
    schema: Any = output_schema.without_lengths(output_schema.schema(WindowNotes(mode="detailed")))
    schema["properties"]["notes"]["minItems"] = MAX_NOTES
    return schema


async def measure_decode(
    serving: Serving, streams: Sequence[int], tokens: int = DECODE_TOKENS
) -> AsyncIterator[Measurement]:
    """Yield the decode rate of so many streams at once, free and under a schema.

    The prompts are already in the prefix cache, and the schema is compiled: what is left is decoding.
    """
    for count in streams:
        serving.say(f"Decoding {count} at once")
        prompts = [await serving.prompt(DECODE_PROMPT_TOKENS) for _ in range(count)]
        for schema in (None, notes_schema()):
            await asyncio.gather(*(serving.client.complete(prompt, 1, schema) for prompt in prompts))
            before = await serving.client.metrics()
            answers = await asyncio.gather(*(serving.client.complete(prompt, tokens, schema) for prompt in prompts))
            after = await serving.client.metrics()
            rate = sum((answer.completion_tokens - 1) / answer.decode_seconds for answer in answers)
            yield Measurement(
                key="decode_tokens_per_second" if schema is None else "schema_decode_tokens_per_second",
                name="Decode, streams at once" if schema is None else "Decode under a JSON schema, streams at once",
                at=count,
                value=rate,
                unit="tok/s",
                better="more",
                how=f"{CLOCKS}, {tokens} tokens each behind {DECODE_PROMPT_TOKENS:,}, first to last token; "
                f"{compare_clocks(rate, _engine_decode_rate(before, after, count))}.",
            )


async def measure_prefill(serving: Serving, lengths: Sequence[int]) -> AsyncIterator[Measurement]:
    """Yield prefill rate and time to the first token for prompts of these lengths, cold and again."""
    limit = serving.context_tokens - 1
    # In place of the lengths that the context does not hold: the context itself.
    for length in sorted({min(length, limit) for length in lengths}):
        serving.say(f"Prefilling {length:,} tokens")
        prompts = [await serving.prompt(length) for _ in range(1 if length > SHORT_TOKENS else SHORT_REPEATS)]
        before = await serving.client.metrics()
        cold = [await serving.client.complete(prompt, 1) for prompt in prompts]
        after = await serving.client.metrics()
        warm = [await serving.client.complete(prompt, 1) for prompt in prompts]
        for figure in prefill_figures(cold, before, after):
            yield figure
        yield warm_figure(warm)


async def measure_context(serving: Serving, answer_tokens: int = DECODE_TOKENS) -> AsyncIterator[Measurement]:
    """Yield what each step costs while the window is filled up to the engine's context."""
    for share in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1):
        filled = int(serving.context_tokens * share)
        serving.say(f"Filling {filled:,} of {serving.context_tokens:,} tokens")
        prompt = await serving.prompt(filled - answer_tokens)
        before = await serving.client.metrics()
        cold = await serving.client.complete(prompt, answer_tokens)
        after = await serving.client.metrics()
        warm = await serving.client.complete(prompt, 1)
        rate = (cold.completion_tokens - 1) / cold.decode_seconds
        for figure in (*prefill_figures([cold], before, after), warm_figure([warm])):
            yield figure
        yield Measurement(
            key="decode_at_context_tokens_per_second",
            name="Decode, one stream, tokens of prompt",
            at=cold.prompt_tokens,
            value=rate,
            unit="tok/s",
            better="more",
            how=f"{CLOCKS}, {answer_tokens} tokens behind the prompt; "
            f"{compare_clocks(rate, _engine_decode_rate(before, after, 1))}.",
        )
        if share == 1:
            held = cold.prompt_tokens + cold.completion_tokens
            yield context_figure(held, "One prompt and its answer that filled the window.")


async def claimed_context(serving: Serving) -> AsyncIterator[Measurement]:
    """Yield the context that the engine says it has."""
    yield context_figure(serving.context_tokens, "As the engine says; the suite `context` fills it.")


def prefill_figures(cold: Sequence[Completion], before: Metrics, after: Metrics) -> list[Measurement]:
    """Return prefill rate and time to the first token of prompts of one length that were not cached."""
    length = cold[0].prompt_tokens
    first = statistics.mean(answer.first_token_seconds for answer in cold)
    computed = increase(before, after, "vllm:prompt_tokens_by_source_total", source="local_compute")
    seconds = increase(before, after, "vllm:request_prefill_time_seconds_sum")
    own_first = increase(before, after, "vllm:time_to_first_token_seconds_sum")
    own_rate = computed / seconds if computed and seconds else None
    return [
        Measurement(
            key="prefill_tokens_per_second",
            name="Prefill, tokens of prompt",
            at=length,
            value=length / first,
            unit="tok/s",
            better="more",
            how=f"{CLOCKS}, prompt over time to the first token; {compare_clocks(length / first, own_rate)}.",
        ),
        Measurement(
            key="ttft_cold_seconds",
            name="First token, new prefix, tokens of prompt",
            at=length,
            value=first,
            unit="s",
            how=f"{CLOCKS}; {compare_clocks(first, own_first / len(cold) if own_first else None)}.",
        ),
    ]


def warm_figure(warm: Sequence[Completion]) -> Measurement:
    """Return the time to the first token of prompts of one length that were asked before."""
    return Measurement(
        key="ttft_warm_seconds",
        name="First token, same prefix again, tokens of prompt",
        at=warm[0].prompt_tokens,
        value=statistics.mean(answer.first_token_seconds for answer in warm),
        unit="s",
        how=f"{CLOCKS}; {warm[0].cached_tokens:,} tokens came from the prefix cache.",
    )


def context_figure(tokens: int, how: str) -> Measurement:
    """Return the context's size."""
    return Measurement(key="context_tokens", name="Context", value=tokens, unit="tokens", better="more", how=how)


def _engine_decode_rate(before: Metrics, after: Metrics, streams: int) -> float | None:
    """Return the tokens a second of all streams by the engine's own counters."""
    tokens = increase(before, after, "vllm:generation_tokens_total")
    seconds = increase(before, after, "vllm:request_decode_time_seconds_sum")
    return streams * (tokens - streams) / seconds if tokens and seconds else None


class MemoryWatch:
    """Notes the most memory that an engine ever takes while it is watched.

    Args:
        served: The engine.
    """

    def __init__(self, served: Served) -> None:
        self._served = served
        self._task: asyncio.Task[None] | None = None
        self.peak_gib: float | None = None

    async def __aenter__(self) -> "MemoryWatch":
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _watch(self) -> None:
        while (now := await asyncio.to_thread(self._served.memory_gib)) is not None:
            self.peak_gib = max(now, self.peak_gib or 0.0)
            await asyncio.sleep(_SAMPLE_SECONDS)


async def measure_engine(served: Served, measured: Serving, watch: MemoryWatch) -> AsyncIterator[Measurement]:
    """Yield what the engine holds: its KV cache, its memory now and at its peak, and how long its last start took."""
    for figure in kv_figures(await measured.client.metrics(), measured.shape):
        yield figure
    now = await asyncio.to_thread(served.memory_gib)
    for figure in memory_figures(now, watch.peak_gib, on_gpu=served.on_gpu):
        yield figure
    if served.plan:
        for figure in plan_figures(served.plan):
            yield figure
    if served.state and served.state.ready_seconds:
        yield Measurement(
            key="engine_start_seconds",
            name="Last start of the engine",
            value=served.state.ready_seconds,
            unit="s",
            how="From the process to its first healthy answer, as its watch noted.",
        )


def memory_figures(now: float | None, peak: float | None, *, on_gpu: bool) -> list[Measurement]:
    """Return the engine's memory now and at its peak; nothing where it cannot be read."""
    if now is None:
        return []
    most = max(now, peak or 0.0)
    if not on_gpu:
        how = f"Resident sets of the engine's processes together, read every {_SAMPLE_SECONDS} s."
        return [
            Measurement(
                key="engine_memory_mib",
                name="Engine's memory",
                value=most * _MIB_PER_GIB,
                unit="MiB",
                how=f"Peak. {how}",
            )
        ]
    how = f"NVML, the engine's processes, read every {_SAMPLE_SECONDS} s; a 16 GB card has 16 GiB."
    return [
        Measurement(key="gpu_now_gib", name="GPU memory now", value=now, unit="GiB", how=how),
        Measurement(key="gpu_peak_gib", name="GPU memory at peak", value=most, unit="GiB", how=how),
    ]


def plan_figures(plan: MemoryPlan) -> list[Measurement]:
    """Return where the GPU memory was planned to go."""
    return [
        Measurement(
            key=f"plan_{name}",
            name=f"Planned: {name.removesuffix('_gib').replace('_', ' ')}",
            value=float(getattr(plan, name)),
            unit="GiB",
            better="neither",
            how="Computed before the start from the model's shape and the settings.",
        )
        for name in ("weights_gib", "kv_cache_gib", "activations_gib", "graphs_gib", "runtime_gib")
    ]


def kv_figures(metrics: Metrics, shape: ModelShape | None) -> list[Measurement]:
    """Return the size of the KV cache, and what it takes beside one of 16 bits.

    The bytes are the engine's own figure where it gives one, else computed from the model's shape; bf16 takes
    2 (key, value) x layers x KV heads x head size x 2 bytes for each token.
    """
    name = "vllm:cache_config_info"
    tokens = _number(metrics.label(name, "kv_cache_size_tokens"))
    if tokens is None:
        blocks, size = (_number(metrics.label(name, label)) for label in ("num_gpu_blocks", "block_size"))
        tokens = blocks * size if blocks and size else None
    if not tokens:
        return []
    own_bytes = _number(metrics.label(name, "kv_cache_memory_bytes"))
    dtype = metrics.label(name, "cache_dtype") or "auto"
    size = own_bytes or (tokens * shape.kv_bytes_per_token(dtype) if shape else None)
    how = "The engine's own figure" if own_bytes else f"Computed from the model's shape in {dtype}"
    figures = [
        Measurement(
            key="kv_cache_tokens",
            name="KV cache",
            value=tokens,
            unit="tokens",
            better="more",
            how="The engine's own figure.",
        )
    ]
    if size:
        figures.append(
            Measurement(
                key="kv_cache_gib", name="KV cache", value=size / GIB, unit="GiB", better="neither", how=f"{how}."
            )
        )
    if size and shape:
        ratio = size / tokens / shape.kv_bytes_per_token("auto")
        bytes_each = f"{size / tokens:,.0f} bytes a token beside {shape.kv_bytes_per_token('auto'):,} in bf16"
        how = f"{how}: {bytes_each}."
        figures.append(Measurement(key="kv_to_bf16", name="KV cache beside bf16", value=ratio, unit="of bf16", how=how))
    return figures


def _number(text: str | None) -> float | None:
    """Read a metric's label; None where it is no number."""
    try:
        return float(text) if text else None
    except ValueError:
        return None


async def measure_sleep(served: Served) -> AsyncIterator[Measurement]:
    """Yield how long the engine takes to fall asleep and to wake, and what it holds meanwhile.

    Raises:
        EngineError: It is in use, cannot sleep, or could not be woken.
    """
    asleep, awake, held = await asyncio.to_thread(served.sleep_and_wake)
    how = "vLLM's sleep, level 1: weights to RAM, KV cache let go; checked by asking whether it sleeps."
    yield Measurement(key="sleep_seconds", name="Falling asleep", value=asleep, unit="s", how=how)
    yield Measurement(key="wake_seconds", name="Waking up", value=awake, unit="s", how=how)
    if held is not None:
        yield Measurement(key="asleep_gib", name="GPU memory asleep", value=held, unit="GiB", how=how)


async def count_prefilled(client: CompletionClient, work: Awaitable[T]) -> tuple[int, T]:
    """Await the work, and return how many prompt tokens the engine computed meanwhile, with its result."""
    before = await client.metrics()
    result = await work
    after = await client.metrics()
    return int(increase(before, after, "vllm:prompt_tokens_by_source_total", source="local_compute") or 0), result
