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
    kept: list[str] = []
    warnings: list[str] = []
    for document_id in ids:
        changed = await library.changed(document_id)
        if changed is None or changed.document_id not in ids:
            kept.append(document_id)
        if changed is not None and changed.document_id not in ids:
            warnings.append(f"{changed.path} has changed since it was read. Name it again to have its new text read.")
    # Of two files that changed places each holds what the other did.
    return tuple(kept or ids), tuple(warnings)
