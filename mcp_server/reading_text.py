"""Lists and parts of documents as Markdown for a model or a person to read."""

from agents.documents.access import within
from agents.escaping import as_markdown, fenced
from agents.schema import DocumentList, DocumentText, ListedDocument, QuoteCheck, Verdict
from mcp_server.render import pluralize

_VERDICTS: dict[Verdict, str] = {
    "exact": "Yes, character by character",
    "same_words": "Yes, in the same words; capitals, white space, hyphenation or typography differ",
    "similar": "Not in these words; this is what stands there instead",
    "absent": "No, they do not stand there",
}


def list_text(listed: DocumentList) -> str:
    """Return a list of documents by folder, a line each, and how to get the rest."""
    folders = as_markdown(", ".join(listed.folders))
    notes = [*map(as_markdown, listed.notes)]
    if not listed.documents:
        return "\n".join([f"No document was found in {folders}. Try other words, or another folder.", *notes])
    shown = len(listed.documents)
    head = pluralize(listed.total, "document") + (f", {shown} of them here" if shown < listed.total else "")
    by_folder: dict[str, list[str]] = {}
    for each in listed.documents:
        folder = next((one for one in listed.folders if each.path and within(each.path, one)), "")
        by_folder.setdefault(folder, []).append(_line(each, folder))
    lines = [f"{head}. Put the folder before a name to get its path:" if any(by_folder) else f"{head}:"]
    for folder, its_lines in by_folder.items():
        lines += ["", f"In {as_markdown(folder.rstrip('/'))}/:" if folder else "Elsewhere:", *its_lines]
    lines += ["", *notes]
    if listed.next_cursor:
        lines.append(f"For the rest call list_documents with cursor={listed.next_cursor!r}.")
    return "\n".join(lines).rstrip()


def _line(document: ListedDocument, folder: str) -> str:
    said = [f"“{as_markdown(document.title)}”"] if document.title else []
    said += [pluralize(document.pages, "page")] if document.pages is not None else ["not opened yet"]
    said += [pluralize(document.tokens, "token")] if document.tokens is not None else []
    said += [f"{document.bytes:,} bytes"] if document.bytes is not None and document.pages is None else []
    said += [document.modified[:10]] if document.modified else []
    said += [f"`{document.document_id}`"] if document.document_id else []
    name = str(within(document.path, folder)) if folder and document.path else document.path
    return f"- {as_markdown(name or 'Without a file')}: {', '.join(said)}"


def reading_text(part: DocumentText) -> str:
    """Return a part of a document, page by page, or what was found in it, and how to read on."""
    size = f"{pluralize(part.pages_total, 'page')}, about {pluralize(part.tokens_total, 'token')}"
    lines = [
        f"# {as_markdown(f'{part.title}: {part.reading}')}",
        f"`{part.document_id}`, {size}.",
    ]
    notes = [f"Note: {as_markdown(each)}" for each in part.notes]
    if not part.check:
        lines += notes
    if part.sections:
        lines.append(f"Sections: {as_markdown('; '.join(part.sections))}.")
    if part.check:
        lines += ["", *_check_lines(part.check), *notes]
    for span in part.spans:
        place = f"[{as_markdown(span.page_name)}, characters {span.start}-{span.end}]"
        text = span.text.strip("\n")
        lines += ["", place, "", fenced(text) if text else "(no text)"]
    if part.next_cursor:
        lines += ["", f"To read on call read_document with document='{part.document_id}', cursor={part.next_cursor!r}."]
    return "\n".join(lines)


def _check_lines(check: QuoteCheck) -> list[str]:
    often = f", {pluralize(check.count, 'place')}" if check.count else ""
    lines = [f"Looked for: “{as_markdown(check.find)}”", f"{_VERDICTS[check.verdict]}{often}."]
    if check.verdict == "absent" and check.places:
        lines.append("What comes nearest:")
    for place in check.places:
        where = f"- {as_markdown(place.page_name)}, characters {place.start}-{place.end}"
        said = " ".join(place.text.split())
        quoted = f"“{as_markdown(said)}”, in: " if said not in (place.sentence, check.find) else ""
        lines.append(f"{where}: {quoted}“{as_markdown(place.sentence)}”")
    return lines
