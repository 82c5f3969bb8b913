"""The engine over the resident vLLM: attached to when opened, woken and restarted as requests need it."""

import asyncio
import logging
import time
from pathlib import Path

from pydantic import SecretStr

from agents.engine.engine import Outcome, ResultT, Task
from agents.engine.openai.endpoint import Endpoint
from agents.engine.openai.engine import OpenAIEngine
from agents.engine.vllm import lifecycle
from agents.engine.vllm.probe import Probe
from agents.engine.vllm.state_files import Attachment, EngineFiles, EngineState
from agents.errors import EngineError
from agents.schema import EngineInfo, OnProgress
from agents.settings import EngineSettings

_logger = logging.getLogger(__name__)
_LONG_PROMPT_CHARACTERS = 32_768
"""A prompt of about 8,192 tokens: from here on a request waits while memory is short."""
_POLL_SECONDS = 0.25
_LOCK_SECONDS = 60.0


class ResidentEngine:
    """An OpenAI-compatible engine whose server comes and goes.

    Args:
        settings: The engine's section.
        data_dir: Where the engine has its files.
    """

    def __init__(self, settings: EngineSettings, data_dir: Path) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._files = EngineFiles(data_dir)
        self._attachment = Attachment(self._files)
        self._connecting = asyncio.Lock()
        self._served: EngineState | None = None
        self._engine: OpenAIEngine | None = None
        self._suspect = False

    @classmethod
    async def open(
        cls, settings: EngineSettings, data_dir: Path, on_progress: OnProgress | None = None
    ) -> "ResidentEngine":
        """Start the engine or attach to it, and wait until it is ready.

        Raises:
            EngineError: It cannot be started, does not fit, or runs for others with other settings.
        """
        engine = cls(settings, data_dir)
        engine._files.make()
        engine._attachment.attach()
        try:
            await engine._connect(await lifecycle.start(settings, data_dir, on_progress, retry_failed=False))
        except BaseException:
            engine._attachment.detach()
            raise
        return engine

    @property
    def info(self) -> EngineInfo:
        """What the engine is, as it last ran."""
        return self._connected.info

    def count_tokens(self, text: str) -> int:
        """Count a text's tokens by the checkpoint's tokenizer."""
        return self._connected.count_tokens(text)

    async def count_prompt_tokens(self, task: Task[ResultT]) -> int:
        """Count the tokens of a task's whole prompt exactly."""
        await self._ready()
        return await self._connected.count_prompt_tokens(task)

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        """Compute one task; a sleeping engine is woken, one that died is waited for.

        Raises:
            EngineError: The engine did not answer, or twice gave an invalid result.
        """
        with self._attachment.busy():
            engine = await self._ready()
            await self._admit(task)
            try:
                return await engine.run(task)
            except EngineError as error:
                self._suspect = self._suspect or error.retryable
                raise

    async def close(self) -> None:
        """Detach; the engine lives on until nobody has needed it for a while."""
        self._attachment.detach()
        if self._engine:
            await self._engine.close()

    @property
    def _connected(self) -> OpenAIEngine:
        if self._engine is None:
            raise EngineError("The engine is not open.", hint="Open it with ResidentEngine.open().")
        return self._engine

    async def _ready(self) -> OpenAIEngine:
        """Return a connection to the engine that runs now: started again and woken if it must be."""
        async with self._connecting:
            state = self._files.read_state()
            if self._suspect or state is None or not state.serving:
                state = await lifecycle.start(self._settings, self._data_dir, retry_failed=False)
                self._suspect = False
            if self._served is None or (state.engine, state.port) != (self._served.engine, self._served.port):
                await self._connect(state)
        await asyncio.to_thread(self._wake)
        return self._connected

    async def _connect(self, state: EngineState) -> None:
        if self._engine:
            await self._engine.close()
        self._served = state
        endpoint = Endpoint(
            base_url=f"http://127.0.0.1:{state.port}/v1",
            model=state.model,
            api_key=SecretStr(self._files.key()),
            tokenizes=True,
            request_seconds=self._settings.request_seconds,
            info=EngineInfo(
                name="vllm",
                generative=True,
                model=state.model,
                context_tokens=state.context_tokens,
                kv_cache_dtype=state.kv_cache_dtype,
                notes=state.notes,
            ),
        )
        self._engine = OpenAIEngine(endpoint, self._settings)

    def _wake(self) -> None:
        """Wake a sleeping engine; the lock keeps the watchdog from putting it to sleep in the meantime.

        Our request is already announced, so that after the lock it will not be put to sleep either.
        """
        with self._files.lock("use").acquire(timeout=_LOCK_SECONDS):
            state = self._files.read_state()
            if state is None or state.state != "asleep" or state.port is None:
                return
            probe = Probe(state.port, self._files.key())
            if probe.asleep() and not probe.wake():
                raise EngineError(
                    "The engine sleeps and could not be woken.", hint="Run `readroom engine stop`.", retryable=True
                )

    async def _admit(self, task: Task[ResultT]) -> None:
        """Keep a long request back while the engine takes more memory than its budget.

        Raises:
            EngineError: The memory did not fall within the time limit of a request.
        """
        if sum(len(passage.text) for passage in task.evidence) < _LONG_PROMPT_CHARACTERS or not self._over_budget():
            return
        _logger.warning("The engine is over its memory budget: a long request waits")
        deadline = time.monotonic() + self._settings.request_seconds
        while self._over_budget():
            if time.monotonic() > deadline:
                raise EngineError(
                    "The engine has been over its memory budget for too long.",
                    hint="Raise READROOM_ENGINE__VRAM_BUDGET_GIB, or close other programs on the GPU.",
                    retryable=True,
                )
            await asyncio.sleep(_POLL_SECONDS)

    def _over_budget(self) -> bool:
        state = self._files.read_state()
        return state is not None and state.over_budget
