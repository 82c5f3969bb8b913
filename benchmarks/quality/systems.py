"""Who answers the questions: the product with a model, the product without one, and plain calls to the same model.

A plain call is what anybody would write in an afternoon: search, put what was found into one prompt, ask for an answer
and a quote as JSON. It has the product's own search and documents, so that what differs is what the agents do.
"""

import json
import time
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import httpx
from pydantic import BaseModel, Field

from agents.assistant import Assistant
from agents.documents.library import Library
from agents.engine.openai.endpoint import Endpoint
from agents.errors import ReadroomError
from agents.grounding.quotes import Located, locate
from agents.language.sentences import split_sentences
from agents.schema import Answer, Citation, Document, Passage
from benchmarks.quality.questions import Question

NOT_FOUND = "The document does not say."
LONGEST_ANSWER_TOKENS = 512
Cites = Literal["quote", "sentence", "passage"]


class Cited(BaseModel):
    """A quote that stands in the document."""

    page: int
    start: int
    end: int
    quote: str


class Reply(BaseModel):
    """What a system said to one question, and what it cost."""

    question: str = Field(description="The question's id.")
    system: str
    text: str = ""
    citations: tuple[Cited, ...] = ()
    closest: tuple[Cited, ...] = Field(default=(), description="What is shown in place of an answer.")
    refused: bool = Field(default=False, description="It says that the document does not say, or says nothing.")
    doubtful: bool = Field(default=False, description="It refuses, or says that its answer may miss the question.")
    claims: int = 0
    supported: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    error: str = ""
    raw: str = Field(default="", description="The model's own words, of plain calls.")


class System(Protocol):
    """Somebody who answers questions."""

    name: str

    async def answer(self, question: Question) -> Reply:
        """Answer one question; what goes wrong is said in the reply."""
        ...


class Product:
    """Readroom itself, each question in a session of its own."""

    def __init__(self, name: str, assistant: Assistant) -> None:
        self.name = name
        self._assistant = assistant

    async def answer(self, question: Question) -> Reply:
        """Ask the assistant."""
        started = time.monotonic()
        try:
            answer = await self._assistant.ask(question.text, [str(question.document)], wait_seconds=float("inf"))
        except ReadroomError as error:
            return Reply(question=question.id, system=self.name, error=str(error), seconds=time.monotonic() - started)
        return _of_answer(self.name, question, answer, time.monotonic() - started)


def _cited(citations: Sequence[Citation]) -> tuple[Cited, ...]:
    return tuple(Cited(page=each.page, start=each.start, end=each.end, quote=each.quote) for each in citations)


def _of_answer(name: str, question: Question, answer: Answer, seconds: float) -> Reply:
    return Reply(
        question=question.id,
        system=name,
        text="\n".join(claim.text for claim in answer.claims) or answer.markdown,
        citations=_cited(answer.citations),
        closest=_cited(answer.closest),
        refused=answer.not_found or not answer.claims,
        doubtful=answer.weak or not answer.claims,
        claims=len(answer.claims),
        supported=sum(claim.supported == "supported" for claim in answer.claims),
        calls=answer.usage.engine_calls,
        prompt_tokens=answer.usage.prompt_tokens,
        completion_tokens=answer.usage.completion_tokens,
        seconds=seconds,
        raw=answer.markdown,
    )


class Sentence(BaseModel):
    """A sentence of a document, and where it stands."""

    text: str
    page: int
    start: int
    end: int


Source = Sentence | Passage


class PlainCall:
    """One call with the best passages, or with the whole text.

    Args:
        name: What the results call it.
        endpoint: The server that the product asks too.
        library: Opens and searches the documents, for the product too.
        passages: How many of the best passages the prompt holds; None: the whole text, where it fits.
        cites: How the model names its source: a copied quote, or the number of a sentence or of a passage.
    """

    def __init__(
        self, name: str, endpoint: Endpoint, library: Library, passages: int | None, cites: Cites = "quote"
    ) -> None:
        self.name = name
        self._endpoint = endpoint
        self._library = library
        self._passages = passages
        self._cites = cites
        self._client = httpx.AsyncClient(timeout=endpoint.request_seconds)

    async def answer(self, question: Question) -> Reply:
        """Search, and ask once."""
        started = time.monotonic()
        document = await self._library.open(str(question.document))
        evidence = await self._evidence(document, question.text)
        sources = sentences_of(document, evidence) if self._cites == "sentence" else list(evidence)
        prompt = _quoting_prompt(evidence, question) if self._cites == "quote" else _numbered_prompt(sources, question)
        schema = _QUOTING if self._cites == "quote" else _NUMBERED
        try:
            said, usage = await self._ask(prompt, schema)
        except httpx.HTTPError as error:
            return Reply(question=question.id, system=self.name, error=str(error), seconds=time.monotonic() - started)
        text, citations = _read(said, document, sources, question)
        return Reply(
            question=question.id,
            system=self.name,
            text=text,
            citations=citations,
            refused=_is_refusal(text),
            doubtful=_is_refusal(text),
            claims=1,
            supported=int(bool(citations)),
            calls=1,
            prompt_tokens=usage["prompt_tokens"],
            completion_tokens=usage["completion_tokens"],
            seconds=time.monotonic() - started,
            raw=said,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _evidence(self, document: Document, question: str) -> tuple[Passage, ...]:
        if self._passages is None:
            return await self._library.passages(document.document_id)
        hits = await self._library.search(question, [document.document_id], self._passages)
        return tuple(hit.passage for hit in hits)

    async def _ask(self, prompt: str, schema: dict[str, Any]) -> tuple[str, dict[str, int]]:
        reply = await self._client.post(
            f"{self._endpoint.base_url}/chat/completions",
            headers=self._endpoint.headers(),
            json={
                "model": self._endpoint.model,
                "messages": [{"role": "user", "content": prompt}],
                "temperature": 0,
                "max_tokens": LONGEST_ANSWER_TOKENS,
                "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}},
            },
        )
        reply.raise_for_status()
        body = reply.json()
        return body["choices"][0]["message"]["content"] or "", body["usage"]


_QUOTING: dict[str, Any] = {
    "type": "object",
    "properties": {"answer": {"type": "string"}, "quote": {"type": "string"}},
    "required": ["answer", "quote"],
    "additionalProperties": False,
}
_NUMBERED: dict[str, Any] = {
    "type": "object",
    "properties": {"answer": {"type": "string"}, "sources": {"type": "array", "items": {"type": "integer"}}},
    "required": ["answer", "sources"],
    "additionalProperties": False,
}


def _quoting_prompt(evidence: Sequence[Passage], question: Question) -> str:
    text = "\n\n".join(f"[page {passage.page}]\n{passage.text}" for passage in evidence)
    return (
        f"{text}\n\nAnswer the question from the text above. Reply with JSON: "
        '{"answer": "a short answer", "quote": "the words of the text that show it, copied exactly"}. '
        f'If the text does not answer it, the answer is "{NOT_FOUND}"\n\nQuestion: {question.text}'
    )


def _numbered_prompt(sources: Sequence[Source], question: Question) -> str:
    text = "\n".join(f"[{number}] {source.text.strip()}" for number, source in enumerate(sources, start=1))
    return (
        f"{text}\n\nAnswer the question from the numbered text above. Reply with JSON: "
        '{"answer": "a short answer", "sources": [the numbers of what shows it, the best first]}. '
        f'If the text does not answer it, the answer is "{NOT_FOUND}" and sources is empty.\n\n'
        f"Question: {question.text}"
    )


def sentences_of(document: Document, evidence: Sequence[Passage]) -> list[Source]:
    """Return the sentences of some passages, in the passages' order."""
    return [
        Sentence(
            text=" ".join(document.text[passage.start + start : passage.start + end].split()),
            page=document.page_at(passage.start + start),
            start=passage.start + start,
            end=passage.start + end,
        )
        for passage in evidence
        for start, end in split_sentences(document.text[passage.start : passage.end])
    ]


def _best_sentence(document: Document, passage: Passage, wanted: str) -> Source:
    """Return the sentence of a passage that shares most words with an answer and its question."""
    words = set(wanted.casefold().split())
    return max(sentences_of(document, [passage]), key=lambda each: len(words & set(each.text.casefold().split())))


def _read(
    said: str, document: Document, sources: Sequence[Source], question: Question
) -> tuple[str, tuple[Cited, ...]]:
    """Return the answer and its citations; what is no JSON is an answer without any."""
    try:
        reply = json.loads(said)
    except ValueError:
        return said, ()
    if not isinstance(reply, dict):
        return said, ()
    text = str(reply.get("answer", ""))
    numbers = dict.fromkeys(number for number in reply.get("sources", []) if 1 <= number <= len(sources))
    cited: list[Source | Located] = [
        _best_sentence(document, source, f"{text} {question.text}") if isinstance(source, Passage) else source
        for source in (sources[number - 1] for number in numbers)
    ]
    if quote := str(reply.get("quote", "")).strip():
        located = locate(quote, document)
        cited += [located] if located else []
    return text, tuple(
        Cited(page=each.page, start=each.start, end=each.end, quote=document.text[each.start : each.end])
        for each in cited
    )


def _is_refusal(text: str) -> bool:
    return not text.strip() or NOT_FOUND.rstrip(".").casefold() in text.casefold()
