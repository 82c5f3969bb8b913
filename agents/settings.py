"""Settings, read from READROOM_* variables; nested names are joined by two underscores.

Each part of Readroom receives its own section and never reads the environment itself.
"""

import difflib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as SettingsSourceError

from agents.errors import SettingsError

MIN_WINDOW_TOKENS = 1_024
_PREFIX = "READROOM_"
_NOT_SETTINGS = ("READROOM_TEST_", "READROOM_VLLM_KERNELS")
"""Variables of the tests, and one that the engine sets for its own process."""
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
S3 = "s3://"
"""How an address in S3-compatible storage begins; its bucket and the names of an object's key follow."""


def is_s3(place: str) -> bool:
    """Whether a document or a folder lies in S3-compatible storage rather than in this machine's folders."""
    return place[: len(S3)].lower() == S3


def s3_address(text: str) -> str:
    """Return an address in S3-compatible storage in its one form, without a slash at the end.

    Raises:
        ValueError: It has no bucket, or a part that some storages would take for a way up or leave out.
    """
    parts = text[len(S3) :].rstrip("/").split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise ValueError(f"an address is {S3}BUCKET/NAME/NAME, without empty names, `.` and `..`")
    return S3 + "/".join(parts)


def root_of(named: str) -> str:
    """Return the path of a folder, or an address in S3-compatible storage, as it stands among those that may be read.

    Raises:
        ValueError: It is an address of another kind, or none that can be one.
    """
    if is_s3(named):
        return s3_address(named)
    if _SCHEME.match(named):
        raise ValueError(f"documents are read from folders and from {S3}BUCKET/PREFIX")
    return named


Root = Annotated[str, BeforeValidator(lambda named: root_of(str(named)) if isinstance(named, str | Path) else named)]


class Section(BaseModel):
    """One part's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DocumentsSettings(Section):
    """What may be opened, and within which limits."""

    roots: tuple[Root, ...] = Field(
        default=(),
        description="Folders that may be read, or `s3://BUCKET/PREFIX` (extra `s3`); none given: the home folder, but "
        "nothing hidden in it.",
    )
    allow_urls: bool = Field(default=False, description="Whether http(s) documents may be fetched.")
    max_bytes: int = Field(default=200_000_000, gt=0, description="Largest file, in bytes.")
    parse_seconds: float = Field(
        default=120.0, gt=0, description="Time limit of the parsing process, scanned pages apart."
    )
    ocr_page_seconds: float = Field(
        default=30.0,
        gt=0,
        description="Processor time that a scanned page may take; with two cores one takes 3 seconds on average.",
    )
    parse_memory_bytes: int = Field(default=2 * 1024**3, gt=0, description="Memory limit of the parsing process.")
    max_pages: int = Field(default=20_000, gt=0, description="Most pages that a document may have.")
    # With twice as many, single steps on the text keep all others waiting for over 0.1 s (benchmarks/hostile.py).
    max_characters: int = Field(default=30_000_000, gt=0, description="Most characters that a document may have.")
    max_passages: int = Field(default=100_000, gt=0, description="Most passages that a document may fall into.")
    memory_mib: int = Field(
        default=56,
        ge=0,
        description="Memory for documents that were lately used, in MiB; what was not used for longest goes first.",
    )
    library_characters: int | None = Field(
        default=None,
        gt=0,
        description="Most characters of text that a library keeps; once it has them, none are added.",
    )
    passage_tokens: int = Field(default=300, ge=50, le=2_000, description="Size of a passage, in estimated tokens.")
    folder_documents: int = Field(
        default=1_000, ge=1, description="Documents of a folder that one question searches, the newest first."
    )
    embeddings: bool = Field(
        default=False,
        description="Whether search joins embeddings (Latin scripts); needs the extra `embeddings`, some 110 MB.",
    )

    def allowed_roots(self) -> tuple[str, ...]:
        """Return the folders that may be read, resolved, and the addresses below which objects may."""
        roots = self.roots or (str(Path.home()),)
        return tuple(root if is_s3(root) else str(Path(root).expanduser().resolve()) for root in roots)


class EngineSettings(Section):
    """Which engine answers, and how the resident vLLM is started.

    Defaults that were measured come from an H200 and from H100s, with the true shapes of the default model;
    benchmarks/results/engine_h200.json and engine_h100.json hold the figures.
    """

    kind: str = Field(
        default="auto",
        description="auto: base_url if set, else vLLM on a GPU that fits, else extractive. Or one of "
        "them by its name: openai, vllm, extractive.",
    )
    model: str = Field(
        default="Qwen/Qwen3-4B-Instruct-2507-FP8",
        description="A hub name or a folder. The default is Qwen's official block-FP8 checkpoint: 4.1 GiB of weights.",
    )
    base_url: str | None = Field(
        default=None,
        description="An OpenAI-compatible server: a vLLM cluster, llama.cpp, LM Studio or Ollama, with its /v1.",
    )
    api_key: SecretStr | None = Field(default=None, description="The key for base_url; our own vLLM mints its own.")
    ca_file: Path | None = Field(default=None, description="Certificates to trust for an https base_url of your own.")
    max_model_len: int = Field(
        default=131_072,
        ge=1_024,
        description="Tokens of context: one window of 128K in FP8 takes 9.0 GiB beside the weights.",
    )
    quantization: Literal["fp8", "auto"] = Field(
        default="fp8", description="Weights: fp8 (8 bits, as the default checkpoint is), or auto: as the checkpoint is."
    )
    kv_cache_dtype: Literal["fp8_e5m2", "fp8_e4m3", "auto"] = Field(
        default="fp8_e5m2", description="KV cache: both FP8 kinds take half of auto (bf16); e5m2 needs no scales."
    )
    vram_budget_gib: float = Field(
        default=15.0,
        gt=0,
        description="GPU memory the engine may take, in GiB, driver included: what a 16 GB card can give. "
        "The whole context needs 14.5.",
    )
    max_num_seqs: int = Field(default=8, ge=1, le=1_024, description="Requests computed at once; also the CUDA graphs.")
    max_num_batched_tokens: int = Field(
        default=4_096,
        ge=256,
        description="Tokens computed at once: 4,096 need 0.8 GiB of activations, vLLM's own 16,384 need 1.2 GiB.",
    )
    tensor_parallel_size: int = Field(default=1, ge=1, description="GPUs that share the model.")
    own_kernels: bool = Field(
        default=True,
        description="Readroom's own GPU kernels: FP8 weights and embeddings times few tokens, "
        "and attention over an E5M2 cache.",
    )
    draft_tokens: int = Field(
        default=0,
        ge=0,
        le=16,
        description=(
            "Tokens that are looked up in the prompt and tried at once (n-gram speculation); 0: none. 7 more than "
            "doubles the speed of quoting where most are right; where most are wrong it is slower."
        ),
    )
    kv_offload_gib: float = Field(
        default=0.0,
        ge=0,
        description="RAM that keeps evicted documents' KV; above 0 the engine stops when idle instead of sleeping, "
        "because vLLM does not survive both (its issue 45268).",
    )
    idle_sleep_seconds: float = Field(
        default=300.0, ge=0, description="Idle seconds before the GPU memory is given back (asleep: 1.5 GiB); 0: never."
    )
    idle_stop_seconds: float = Field(
        default=3_600.0, ge=0, description="Idle seconds before the engine's process ends; 0: never."
    )
    start_seconds: float = Field(
        default=900.0, gt=0, description="Time limit of the engine's start (cold 105-130 s; a download comes on top)."
    )
    request_seconds: float = Field(default=600.0, gt=0, description="Time limit of one request to the engine.")
    check_reading: bool = Field(
        default=True,
        description="Have a started vLLM copy two sentences from a text before its answers are trusted. Where an FP8 "
        "KV cache ruins the model, one of another format is used, and the engine's notes say so. "
        "Without it answers are held to lengths from the first one on, which decodes more slowly.",
    )
    vllm_command: str = Field(
        default="vllm",
        description="How to call vLLM, in several words if need be: `/opt/vllm/bin/vllm`, `python3 -m vllm...`.",
    )
    extra_args: tuple[str, ...] = Field(default=(), description="More arguments for `vllm serve`, as a JSON list.")


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
    window_tokens: int = Field(
        default=32_768,
        ge=MIN_WINDOW_TOKENS,
        description="Tokens of one reading window; 131072 reads in one pass whatever the context holds. "
        "Not set, 32768, and 2000 where a model summarises.",
    )
    parallel_windows: int = Field(default=8, ge=1, le=64, description="Windows that are read at once.")
    passages: int = Field(default=8, ge=1, le=50, description="Passages that retrieval hands on for one question.")


class ServerSettings(Section):
    """The MCP server."""

    host: str = Field(default="127.0.0.1", description="Address of the HTTP transports.")
    port: int = Field(default=8765, ge=0, le=65_535, description="Port of the HTTP transports; 0 takes a free one.")
    token: SecretStr | None = Field(default=None, description="Bearer token that HTTP clients must send.")
    oauth_issuer: str | None = Field(
        default=None, description="Authorization server whose access tokens (JWTs) are accepted; its `issuer`, exactly."
    )
    oauth_keys: str | None = Field(default=None, description="Where the issuer's public keys are; its `jwks_uri`.")
    oauth_resource: str | None = Field(
        default=None, description="This server's own address for clients, with its /mcp; tokens must be issued for it."
    )
    allowed_hosts: tuple[str, ...] = Field(default=(), description="Host headers to accept beside the address itself.")
    max_runs: int | None = Field(
        default=None, gt=0, description="Questions and analyses that one user may have running on a server at once."
    )
    audit_file: Path | None = Field(
        default=None,
        description="File to which a line of JSON is added for each call: who called what, and how it ended.",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        description="Bearer token for /metrics, which is not there without; needs the extra `telemetry`.",
    )
    wait_seconds: float = Field(default=45.0, ge=0, le=3_600, description="How long a call waits for its result.")


class Settings(BaseSettings):
    """All of Readroom's settings."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        # Configuration files and CI set what they leave open to nothing.
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        nested_model_default_partial_update=True,
    )

    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("readroom", appauthor=False)),
        description="Where the library, the sessions and the engine's files are kept.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="A PostgreSQL that keeps the library, sessions and finished work in place of files in data_dir: "
        "postgresql+psycopg://user:password@host:5432/database; needs the extra `postgres`.",
    )
    users_file: Path | None = Field(
        default=None,
        description="A file of users, who share a server over HTTP, each with a token, folders, sessions and documents "
        "of their own; `readroom users add` writes it.",
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
            if not self.data_dir.exists():
                # It holds what the user's documents say: nobody else may read it.
                self.data_dir.mkdir(parents=True, mode=0o700)
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
    except SettingsSourceError as error:
        section = str(error).partition('"')[2].partition('"')[0].upper()
        raise SettingsError(
            f"A variable READROOM_{section}__* cannot be read: lists are written as JSON.",
            hint="""For example READROOM_DOCUMENTS__ROOTS='["/home/me/Documents"]'; docs/settings.md lists all.""",
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        name = _PREFIX + "__".join(str(part).upper() for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise SettingsError(f"{name} is no setting.", hint=_suggestion(name)) from error
        raise SettingsError(
            f"{name}: {first['msg']}.", hint="Correct or unset it; docs/settings.md lists all."
        ) from error


def ignored_variables(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence for each READROOM_* variable that no setting reads, suggesting the one probably meant.

    Empty ones are as if they were not set.
    """
    known = {*_variables(), *(_PREFIX + section.upper() for section in Settings.model_fields)}
    ours = sorted(name for name, value in variables.items() if value and name.upper().startswith(_PREFIX))
    unknown = [name for name in ours if name.upper() not in known and not name.upper().startswith(_NOT_SETTINGS)]
    return tuple(f"{name} is no setting and is ignored. {_suggestion(name)}" for name in unknown)


def _suggestion(name: str) -> str:
    # Without the prefix: as part of every name it would make any two look alike.
    names = [known.removeprefix(_PREFIX) for known in _variables()]
    near = difflib.get_close_matches(name.upper().removeprefix(_PREFIX), names, n=1)
    return f"Did you mean {_PREFIX}{near[0]}?" if near else "docs/settings.md lists all."


def sections() -> dict[str, type[Section]]:
    """Return the settings' sections by their names."""
    types = {name: field.annotation for name, field in Settings.model_fields.items()}
    return {name: kind for name, kind in types.items() if isinstance(kind, type) and issubclass(kind, Section)}


def _variables() -> Iterator[str]:
    parts = sections()
    yield from (f"{_PREFIX}{name}".upper() for name in Settings.model_fields if name not in parts)
    for name, section in parts.items():
        yield from (f"{_PREFIX}{name}__{nested}".upper() for nested in section.model_fields)


def hub_cache() -> Path:
    """Return the folder into which the model hub's own tools download."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
