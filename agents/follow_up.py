"""What a follow-up is about that names no document: the session's own, as far as their files still hold them."""

from collections.abc import Sequence

from agents.documents.library import Library


async def meant(library: Library, ids: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the documents that a follow-up is about, and warnings for its caller.

    A file that was named again after it had changed stands for itself: its older text is left out. Of one that has
    changed since, the text that was read stays, and the caller is told.

    Args:
        library: Knows where the documents came from.
        ids: Of the session's documents.
    """
    now = {document_id: await library.held_now(document_id) for document_id in ids}
    current = {held.document_id for files in now.values() for held in files}
    kept: list[str] = []
    warnings: list[str] = []
    for document_id, files in now.items():
        if document_id in current or not files:
            kept.append(document_id)
        elif not any(held.document_id in now for held in files):
            kept.append(document_id)
            warnings.append(f"{files[0].path} has changed since it was read. Name it again to have its new text read.")
    return tuple(kept), tuple(warnings)
