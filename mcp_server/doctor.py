"""`readroom doctor`: what is installed, which engine would answer, and what is missing.

Nothing of `agents` is imported with this module, so that a broken installation gets a diagnosis, too.
"""

import asyncio
import importlib.metadata
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from mcp_server.environment import OWN_ENVIRONMENT, overwritten_agents, readroom_version

if TYPE_CHECKING:
    from agents.settings import Settings

_REQUIREMENT_NAME = re.compile(r"[A-Za-z0-9._-]+")


class Check(BaseModel):
    """One finding."""

    name: str
    state: Literal["ok", "note", "problem"]
    detail: str
    fix: tuple[str, ...] = Field(default=(), description="What to do, as Markdown: commands stand in code marks.")


class Diagnosis(BaseModel):
    """All findings."""

    checks: tuple[Check, ...]

    @property
    def healthy(self) -> bool:
        """Whether Readroom can work."""
        return all(check.state != "problem" for check in self.checks)

    def text(self) -> str:
        """Return the checks as Markdown."""
        marks = {"ok": "✓", "note": "!", "problem": "✗"}
        lines = [f"{marks[check.state]} **{check.name}**: {check.detail}" for check in self.checks]
        fixes = [fix for check in self.checks for fix in check.fix]
        missing = ["", "To add what is missing:", *(f"- {fix}" for fix in dict.fromkeys(fixes))] if fixes else []
        return "\n".join([*(f"- {line}" for line in lines), *missing])


def diagnose() -> Diagnosis:
    """Check everything; a check that fails becomes a finding that says so."""
    checks = list(_guarded("installation", _installation))
    try:
        from agents.settings import ignored_variables, load_settings

        settings = load_settings()
        checks += [Check(name="settings", state="note", detail=text) for text in ignored_variables(os.environ)]
    except Exception as error:  # even a broken installation gets a diagnosis
        return Diagnosis(checks=(*checks, Check(name="settings", state="problem", detail=str(error))))
    sections = (
        ("folders", _folders),
        ("users", _users),
        ("engine", _engine),
        ("resident vLLM", _resident_engine),
        ("GPU", _gpu),
        ("data", _data),
    )
    for name, check in sections:
        checks += _guarded(name, lambda check=check: check(settings))
    return Diagnosis(checks=tuple(checks))


def _guarded(name: str, check: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from check()
    except Exception as error:
        yield Check(name=name, state="problem", detail=f"{type(error).__name__}: {error}")


def _installation() -> Iterator[Check]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    yield Check(name="Python", state="ok", detail=f"{python} at {sys.executable}")
    mcp_version = importlib.metadata.version("mcp")
    yield Check(name="Readroom", state="ok", detail=f"{readroom_version()}, with mcp {mcp_version}")
    if problem := overwritten_agents():
        fix = f"`{OWN_ENVIRONMENT}`, in the folder into which Readroom was cloned"
        yield Check(name="package agents", state="problem", detail=problem, fix=(fix,))
    if missing := _missing_requirements():
        detail = f"not installed: {', '.join(missing)}"
        command = " ".join([sys.executable, "-m pip install", *(f'"{requirement}"' for requirement in missing)])
        yield Check(name="requirements", state="problem", detail=detail, fix=(f"`{command}`",))


def _missing_requirements() -> list[str]:
    try:
        required = importlib.metadata.requires("readroom") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    named = {line: match[0] for line in required if ";" not in line and (match := _REQUIREMENT_NAME.match(line))}
    return [line for line, name in named.items() if not any(importlib.metadata.distributions(name=name))]


def _folders(settings: "Settings") -> Iterator[Check]:
    yield Check(name="data folder", state="ok", detail=f"{settings.ready_data_dir()} can be written")
    from agents.documents.folders import why_closed

    for root in settings.documents.allowed_roots():
        problem = why_closed(root)
        how = "" if settings.documents.roots else " (the home folder, since READROOM_DOCUMENTS__ROOTS names none)"
        yield Check(name="root", state="problem" if problem else "ok", detail=problem or f"{root} may be read{how}")


def _users(settings: "Settings") -> Iterator[Check]:
    from agents.users import configured_users, settings_of

    if settings.users_file is not None:
        names = [user.name for user in configured_users(settings).all() if settings_of(user, settings)]
        yield Check(name="users", state="ok", detail=", ".join(names) or f"{settings.users_file} names none")


def _engine(settings: "Settings") -> Iterator[Check]:
    from agents.engine.registry import choose_engine

    choice = choose_engine(settings.engine, settings.data_dir)
    state = "note" if choice.missing else "ok"
    yield Check(name="engine", state=state, detail=f"{choice.kind}. {choice.reason}", fix=mark_commands(choice.missing))
    if settings.engine.base_url and choice.kind == "openai":
        from agents.engine.openai.endpoint import find_endpoint
        from agents.errors import EngineError

        try:
            found = asyncio.run(find_endpoint(settings.engine, settings.engine.base_url))
        except EngineError as error:
            yield Check(name="server", state="problem", detail=str(error))
            return
        detail = f"{found.base_url} serves {found.model}, {found.info.context_tokens:,} tokens of context"
        yield Check(name="server", state="ok", detail=detail)


def _resident_engine(settings: "Settings") -> Iterator[Check]:
    from agents.engine.vllm import lifecycle
    from mcp_server.render import pluralize

    if settings.engine.base_url:
        return
    found = asyncio.run(lifecycle.status(settings.engine, settings.data_dir))
    memory = "" if found.memory_gib is None else f", {found.memory_gib:.2f} GiB in use"
    detail = (
        f"{found.state}: {found.model}, KV cache {found.kv_cache_dtype}, {found.context_tokens:,} tokens of context"
        f"{memory}, {pluralize(found.clients, 'attached client')}"
    )
    state = "note" if found.missing or found.failure else "ok"
    notes = [*found.notes, *([found.failure] if found.failure else [])]
    yield Check(name="resident vLLM", state=state, detail=". ".join([detail, *notes]), fix=mark_commands(found.missing))


def mark_commands(fixes: Sequence[str]) -> tuple[str, ...]:
    """Return what the engine lacks as Markdown: its commands in code marks, its sentences without."""
    from agents.engine.vllm.launch import INSTALL_VLLM, USE_A_SERVER

    commands = re.compile("|".join(re.escape(command) for command in (INSTALL_VLLM, USE_A_SERVER)))
    return tuple(commands.sub(lambda command: f"`{command[0]}`", fix) for fix in fixes)


def _gpu(settings: "Settings") -> Iterator[Check]:
    from agents.engine.vllm import memory_plan
    from agents.engine.vllm.hardware import read_gpus
    from agents.errors import EngineError

    gpus = read_gpus()
    for gpu in gpus:
        detail = f"{gpu.name}, {gpu.free_gib:.1f} of {gpu.total_gib:.1f} GiB free, driver {gpu.driver}"
        yield Check(name=f"GPU {gpu.index}", state="ok", detail=detail)
    if not gpus:
        return
    try:
        plan = memory_plan.plan(settings.engine, gpus)
    except EngineError as error:
        yield Check(name="GPU memory", state="note", detail=error.message, fix=(error.hint,))
        return
    rows = "; ".join(f"{what} {amount}" for what, amount in plan.rows())
    yield Check(name="GPU memory", state="ok", detail=" ".join([rows + ".", *plan.notes]))


def _data(settings: "Settings") -> Iterator[Check]:
    from agents.assistant import Assistant
    from mcp_server.render import pluralize

    async def status() -> tuple[int, int]:
        assistant = Assistant(settings)
        try:
            found = await assistant.status()
            return found.documents, found.sessions
        finally:
            await assistant.close()

    documents, sessions = asyncio.run(status())
    detail = f"{pluralize(documents, 'document')} in the library, {pluralize(sessions, 'session')}"
    yield Check(name="data", state="ok", detail=detail)
