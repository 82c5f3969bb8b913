"""Settings, read from READROOM_* variables; nested names are joined by two underscores.

Each part of Readroom receives its own section and never reads the environment itself.
"""

import tempfile
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from agents.errors import SettingsError


class Section(BaseModel):
    """One part's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DocumentsSettings(Section):
    """What may be opened, and within which limits."""

    roots: tuple[Path, ...] = Field(default=(), description="Folders that may be read; none given: the home folder.")
    allow_urls: bool = Field(default=False, description="Whether http(s) documents may be fetched.")
    max_bytes: int = Field(default=200_000_000, gt=0, description="Largest file, in bytes.")
    parse_seconds: float = Field(default=120.0, gt=0, description="Time limit of the parsing process.")
    parse_memory_bytes: int = Field(default=2 * 1024**3, gt=0, description="Memory limit of the parsing process.")
    passage_tokens: int = Field(default=300, ge=50, le=2_000, description="Size of a passage, in estimated tokens.")

    def allowed_roots(self) -> tuple[Path, ...]:
        """Return the folders that may be read, resolved."""
        return tuple(root.expanduser().resolve() for root in self.roots) or (Path.home().resolve(),)


class EngineSettings(Section):
    """Which engine answers."""

    kind: Literal["auto", "vllm", "openai", "extractive"] = Field(
        default="auto", description="auto: base_url if set, else vLLM on a GPU that fits, else extractive."
    )
    model: str = Field(default="Qwen/Qwen3-4B-Instruct-2507-FP8", description="A hub name or a folder.")
    base_url: str | None = Field(default=None, description="An OpenAI-compatible server, for example a vLLM cluster.")
    api_key: SecretStr | None = Field(default=None, description="The key for base_url.")
    max_model_len: int = Field(default=131_072, ge=1_024, description="Tokens of context.")
    request_seconds: float = Field(default=600.0, gt=0, description="Time limit of one request to the engine.")


class MemorySettings(Section):
    """A session's history."""

    token_limit: int = Field(default=131_072, ge=1_024, description="Tokens of history kept in front of the engine.")
    flush_tokens: int = Field(default=16_384, ge=256, description="Tokens archived at once when the limit is passed.")
    expire_days: int = Field(default=90, ge=1, description="Days after which an unused session expires.")


class SupervisorSettings(Section):
    """How the agents work together."""

    parallel_tool_calls: bool = Field(default=True, description="Several hand-offs in one decision run at once.")
    message_forwarding: bool = Field(default=True, description="The last agent's message is the answer, word for word.")
    adaptive_routing: bool = Field(default=True, description="Simple questions take the short way.")
    max_steps: int = Field(default=12, ge=3, le=100, description="Agent turns before the run must finish.")
    max_seconds: float = Field(default=300.0, gt=0, description="Seconds before the run must finish.")
    agent_seconds: float = Field(default=120.0, gt=0, description="Time limit of one agent's turn.")
    window_tokens: int = Field(default=32_768, ge=1_024, description="Tokens of one reading window.")
    passages: int = Field(default=8, ge=1, le=50, description="Passages that retrieval hands on for one question.")


class ServerSettings(Section):
    """The MCP server."""

    host: str = Field(default="127.0.0.1", description="Address of the HTTP transports.")
    port: int = Field(default=8765, ge=0, le=65_535, description="Port of the HTTP transports; 0 takes a free one.")
    token: SecretStr | None = Field(default=None, description="Bearer token that HTTP clients must send.")
    allowed_hosts: tuple[str, ...] = Field(default=(), description="Host headers to accept beside the address itself.")
    wait_seconds: float = Field(default=45.0, ge=0, le=3_600, description="How long a call waits for its result.")


class Settings(BaseSettings):
    """All of Readroom's settings."""

    model_config = SettingsConfigDict(
        env_prefix="READROOM_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        nested_model_default_partial_update=True,
    )

    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("readroom", appauthor=False)),
        description="Where the library, the sessions and the engine's files are kept.",
    )
    documents: DocumentsSettings = DocumentsSettings()
    engine: EngineSettings = EngineSettings()
    memory: MemorySettings = MemorySettings()
    supervisor: SupervisorSettings = SupervisorSettings()
    server: ServerSettings = ServerSettings()

    def ready_data_dir(self) -> Path:
        """Return the data folder, made if it is missing.

        Raises:
            SettingsError: It cannot be made or written.
        """
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.data_dir):
                return self.data_dir
        except OSError as error:
            raise SettingsError(
                f"The data folder {self.data_dir} cannot be written: {error.strerror}.",
                hint="Set READROOM_DATA_DIR to a folder that you may write.",
            ) from error


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsError: A variable has a wrong name or value; the message names it.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "READROOM_" + "__".join(str(part).upper() for part in first["loc"])
        raise SettingsError(
            f"{name}: {first['msg']}.", hint="Correct or unset it; docs/settings.md lists all."
        ) from error
