"""Scope: where a question names pages or sections, it is about these passages and no others."""

from collections.abc import Sequence

from agents.documents.places import find_spans
from agents.language.section_references import Reference, find_references
from agents.language.sentences import split_sentences
from agents.schema import Document, Passage
from agents.supervisor.run import Run

MAX_REFERENCES_LISTED = 4
"""With more, only the first and the last are named."""


def scope(run: Run, question: str) -> tuple[Passage, ...]:
    """Return the passages of the pages and sections that a question names; none where it names none.

    They are cut to the sentences that stand there.
    """
    named = find_references(question)
    return tuple(passage for document in run.request.documents for passage in _passages_of(run, document, named))


def missing_pages(run: Run, question: str) -> tuple[str, ...]:
    """Return a message about the pages that a question names and no document has; empty where there are none."""
    documents = run.request.documents
    pages = [reference for reference in find_references(question) if reference.is_page]
    missing = [str(page) for page in pages if not any(find_spans([page], document) for document in documents)]
    if not missing:
        return ()
    counts = ((each.title, len(each.pages), each.pages[0].kind if each.pages else "page") for each in documents)
    held = (f"{title} has {count:,} {kind}{'s' * (count != 1)}" for title, count, kind in counts)
    return (f"There is no {_listed(missing)}: {'; '.join(held)}.",)


def reference_names(question: str) -> str:
    """Return the pages and sections that a question names as a short list, for messages."""
    return _listed([str(reference) for reference in find_references(question)])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= MAX_REFERENCES_LISTED else f"{names[0]} to {names[-1]}"


def _passages_of(run: Run, document: Document, named: tuple[Reference, ...]) -> list[Passage]:
    spans = find_spans(named, document)
    cut = (_cut(each, span) for span in spans for each in run.texts.passages[document.document_id])
    found = [passage for passage in cut if passage is not None]
    return [each.model_copy(update={"page": document.page_at(each.start)}) for each in found]


def _cut(passage: Passage, span: tuple[int, int]) -> Passage | None:
    """Return a passage's whole sentences within a span; None where it has none there."""
    if passage.start >= span[1] or passage.end <= span[0]:
        return None
    inside = [
        (passage.start + start, passage.start + end)
        for start, end in split_sentences(passage.text)
        if passage.start + start < span[1] and passage.start + end > span[0]
    ]
    if not inside:
        return None
    start, end = inside[0][0], inside[-1][1]
    text = passage.text[start - passage.start : end - passage.start]
    return passage.model_copy(update={"start": start, "end": end, "text": text})
