"""Summaries of documents by the product, each beside a plain call's to the same model, in one Markdown file.

    READROOM_ENGINE__BASE_URL=http://127.0.0.1:8000/v1 python -m benchmarks.summaries FILE... --out summaries.md
    READROOM_ENGINE__KIND=extractive python -m benchmarks.summaries FILE... --out rehearsal.md

The model is whatever the settings name; without one there is no plain call. A plain call is given the first text that
fits its context and is asked to summarise it. What code can check of the product's summary is said under it: how many
of its quotes lie in each third of the document, headings that are placeholders, quotes of dotted lines, points that are
said twice. Whether it is a good summary is for a reader to say.
"""

import argparse
import asyncio
import math
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from agents.assistant import Assistant
from agents.benchmark.served import find_served
from agents.benchmark.workbench import describe_machine, installed_versions
from agents.engine.openai.endpoint import Endpoint
from agents.errors import ReadroomError
from agents.language.tokens import estimate_tokens
from agents.schema import Analysis, Document, EngineInfo, Mode
from agents.settings import DocumentsSettings, load_settings

LONGEST_PLAIN_TOKENS = 1_024
PROMPT_TOKENS = 256
"""Of the plain call's instruction and of what a chat template adds."""
FIT_STEPS = 4
"""How often a plain call's text is shortened where the server finds it too long: estimates are not exact."""
SHORTER = 0.8
_DOTTED = re.compile(r"\.{4,}|(?:\. ){4,}|…{2,}|_{4,}")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PLACEHOLDERS = {"text", "...", "section", "topic", "number"}


@dataclass(frozen=True)
class PlainSummary:
    """What a plain call said, and what it cost."""

    text: str
    share: float
    """Of the document that fitted into the prompt."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Compared:
    """One document, its summary, and a plain call's."""

    document: Document
    analysis: Analysis
    seconds: float
    plain: PlainSummary | None

    def thirds(self) -> list[int]:
        """Return how many of the summary's quotes begin in each third of the document."""
        length = max(1, len(self.document.text))
        found = Counter(min(2, 3 * each.start // length) for each in self.analysis.citations)
        return [found[third] for third in range(3)]

    def faults(self) -> list[str]:
        """Return what code finds wrong with the summary."""
        headings = [heading.strip().casefold() for heading in _HEADING.findall(self.analysis.markdown)]
        texts = [" ".join(claim.text.casefold().split()) for claim in self.analysis.claims]
        faults = [f"a heading “{heading}”" for heading in headings if heading in PLACEHOLDERS]
        faults += [f"a dotted line in [{each.id}]" for each in self.analysis.citations if _DOTTED.search(each.quote)]
        faults += [f"said {count} times: “{text}”" for text, count in Counter(texts).items() if count > 1]
        faults += ["“The document does not say.”"] * ("does not say" in self.analysis.markdown)
        unquoted = [each for each in self.analysis.citations if self._quoted(each.start, each.end) != each.quote]
        faults += [f"[{each.id}] is not the document's own text" for each in unquoted]
        if (thirds := self.thirds()) and 0 in thirds and len(self.document.pages) > 1:
            faults.append(
                f"no quote from {' and '.join(f'third {n}' for n, count in enumerate(thirds, 1) if not count)}"
            )
        return faults

    def _quoted(self, start: int, end: int) -> str:
        return self.document.text[start:end]

    def section(self) -> str:
        """Return the document's section of the Markdown file."""
        analysis, usage = self.analysis, self.analysis.usage
        thirds = self.thirds()
        shares = " / ".join(f"{count / max(1, sum(thirds)):.2f}" for count in thirds)
        said = "; ".join(self.faults()) or "nothing found"
        size = f"{len(self.document.pages)} pages, {analysis.coverage.tokens_total:,} tokens"
        ours = (
            f"{usage.engine_calls} calls, {usage.prompt_tokens:,} + {usage.completion_tokens:,} tokens, "
            f"{self.seconds:.1f} s, {analysis.coverage.windows} windows"
        )
        supported = sum(claim.supported == "supported" for claim in analysis.claims)
        checks = f"{len(analysis.claims)} claims, {supported} supported; quotes by thirds {shares}; faults: {said}"
        warnings = "".join(f"\n- {warning}" for warning in analysis.warnings)
        parts = [f"## {self.document.name}", f"{size}.", f"### Readroom\n\n{ours}.\n\n{checks}.{warnings}"]
        parts.append(_quoted(analysis.markdown))
        if plain := self.plain:
            cost = f"{plain.prompt_tokens:,} + {plain.completion_tokens:,} tokens, {plain.seconds:.1f} s"
            parts.append(f"### One plain call\n\n{cost}, {plain.share:.0%} of the text.")
            parts.append(_quoted(plain.text))
        return "\n\n".join(parts)

    def row(self) -> str:
        """Return the document's row of the table."""
        usage, plain = self.analysis.usage, self.plain
        faults = len(self.faults())
        ours = f"{usage.engine_calls} | {usage.prompt_tokens:,} | {usage.completion_tokens:,} | {self.seconds:.1f}"
        theirs = (
            f"{plain.prompt_tokens:,} | {plain.completion_tokens:,} | {plain.seconds:.1f}" if plain else "- | - | -"
        )
        thirds = "/".join(map(str, self.thirds()))
        size = f"{self.document.name} | {len(self.document.pages)} | {len(self.analysis.claims)}"
        return f"| {size} | {thirds} | {faults} | {ours} | {theirs} |"


def _quoted(markdown: str) -> str:
    """Return Markdown as a block quote, so that its headings are not the file's own."""
    return "\n".join(f"> {line}".rstrip() for line in markdown.splitlines())


async def plain_summary(endpoint: Endpoint, document: Document) -> PlainSummary:
    """Summarise as much of a document's beginning as fits the model's context, in one call."""
    context = endpoint.info.context_tokens or 8_192
    room = context - LONGEST_PLAIN_TOKENS - PROMPT_TOKENS
    text = document.text[: int(len(document.text) * min(1.0, room / max(1, estimate_tokens(document.text))))]
    started, error = time.monotonic(), ""
    async with httpx.AsyncClient(timeout=endpoint.request_seconds) as client:
        for _ in range(FIT_STEPS):
            body = {
                "model": endpoint.model,
                "messages": [{"role": "user", "content": f"{text}\n\nSummarise this document."}],
                "temperature": 0,
                "max_tokens": LONGEST_PLAIN_TOKENS,
            }
            try:
                url = f"{endpoint.base_url}/chat/completions"
                reply = await client.post(url, headers=endpoint.headers(), json=body)
            except httpx.HTTPError as failure:
                return PlainSummary(f"(The call failed: {failure!r})", 0.0, seconds=time.monotonic() - started)
            if reply.is_success:
                answer, usage = reply.json()["choices"][0]["message"]["content"], reply.json()["usage"]
                share = len(text) / max(1, len(document.text))
                tokens = usage["prompt_tokens"], usage["completion_tokens"]
                return PlainSummary(answer or "", share, *tokens, time.monotonic() - started)
            text, error = text[: int(len(text) * SHORTER)], reply.text
    return PlainSummary(f"(The call failed: {error[:300]})", 0.0, seconds=time.monotonic() - started)


async def compare(assistant: Assistant, endpoint: Endpoint | None, path: Path, mode: Mode) -> Compared | str:
    """Summarise a document both ways; what fails is said."""
    started = time.monotonic()
    try:
        analysis = await assistant.analyze(str(path), mode, wait_seconds=math.inf)
        seconds = time.monotonic() - started
        document = await assistant.library.get(analysis.documents[0].document_id)
    except ReadroomError as error:
        return f"## {path.name}\n\nThe analysis failed: {error}"
    return Compared(document, analysis, seconds, await plain_summary(endpoint, document) if endpoint else None)


async def main(paths: Sequence[Path], out: Path, mode: Mode, at_once: int) -> None:
    """Summarise all documents and write the file; what is finished is there, however the run ends."""
    roots = tuple(dict.fromkeys(path.parent for path in paths))
    settings = load_settings()
    settings = settings.model_copy(update={"documents": DocumentsSettings(roots=roots)})
    assistant = Assistant(settings)
    info = (await assistant.engine(lambda _: None)).engine.info
    served = await find_served(settings, info)
    endpoint = served.endpoint if served else None
    turn = asyncio.Semaphore(at_once)
    done: dict[Path, Compared | str] = {}

    async def one(path: Path) -> None:
        async with turn:
            done[path] = await compare(assistant, endpoint, path, mode)
        finished = [done[each] for each in paths if each in done]
        await asyncio.to_thread(out.write_text, report(info, finished, mode, at_once))

    await asyncio.gather(*(one(path) for path in paths))
    await assistant.close()


def report(info: EngineInfo, results: Sequence[Compared | str], mode: Mode, at_once: int) -> str:
    """Return the Markdown file."""
    compared = [each for each in results if isinstance(each, Compared)]
    machine = describe_machine()
    hardware = ", ".join(machine.gpus) or f"{machine.processor}, {machine.cores} cores"
    versions = ", ".join(f"{name} {version}" for name, version in installed_versions().items())
    model = f"{info.name} {Path(info.model).name}" if info.model else info.name
    head = (
        f"# Summaries ({mode}): Readroom and one plain call\n\n{datetime.now(UTC):%Y-%m-%d}, {model}, {hardware}, "
        f"{at_once} documents at once; {versions}. Made by `python -m benchmarks.summaries`."
    )
    columns = "document | pages | claims | quotes by thirds | faults | calls | prompt | completion | s"
    table = [
        f"| {columns} | plain: prompt | completion | s |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
        *(each.row() for each in compared),
    ]
    sections = [each.section() if isinstance(each, Compared) else each for each in results]
    return "\n\n".join([head, "\n".join(table), *sections]) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", nargs="+", type=lambda name: Path(name).resolve())
    parser.add_argument("--out", type=Path, default=Path("summaries.md"))
    parser.add_argument("--mode", choices=["summary", "detailed"], default="summary")
    parser.add_argument("--at-once", type=int, default=1)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.documents, arguments.out, arguments.mode, arguments.at_once))
