"""Text that this machine already has, to train a small model on: nothing is downloaded, and nothing leaves the folder.

The text is the source code and the documentation of the Python that runs this, each file once. Whole groups of
files (`sympy/physics`) are held out, so that held-out text is not the next file of the package that was learned.
"""

import hashlib
import json
import os
import random
import sysconfig
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SUFFIXES = (".py", ".pyi", ".md", ".rst", ".txt")
END, QUOTE = "<|endoftext|>", "<|quote|>"
SPECIAL = (END, "<|im_start|>", "<|im_end|>", QUOTE)
"""END closes a file; QUOTE opens a passage that is repeated from earlier text."""

_SMALLEST, _LARGEST = 200, 400_000
_LONGEST_MEAN_LINE = 160
"""Characters: above it a file is a table of data rather than text."""

_READ_AT_ONCE = 4_096

Tokens = npt.NDArray[np.int32]


class TextFile(NamedTuple):
    """One file of the corpus."""

    group: str
    name: str
    text: str


def default_roots() -> list[Path]:
    """Return the folders of this Python's packages and the system's documentation."""
    paths = sysconfig.get_paths()
    named = [Path(paths[key]).resolve() for key in ("purelib", "platlib", "stdlib")]
    return list(dict.fromkeys([*named, Path("/usr/share/doc")]))


def collect(roots: Sequence[Path], limit_bytes: int, limit_seconds: float = 60) -> list[TextFile]:
    """Read the text files under the roots in a random order, each content once, until there is enough of it.

    Returns:
        The files, those of one folder beside each other, so that a long context is one package's.
    """
    ends = time.monotonic() + limit_seconds
    seen: set[bytes] = set()
    files: list[TextFile] = []
    total = 0
    paths = [(root, path) for root in roots for path in sorted(_text_paths(root, roots))]
    random.Random(2).shuffle(paths)
    with ThreadPoolExecutor(16) as pool:
        for at in range(0, len(paths), _READ_AT_ONCE):
            part = paths[at : at + _READ_AT_ONCE]
            for (root, path), text in zip(part, pool.map(_read, (path for _, path in part)), strict=True):
                digest = hashlib.sha256(text.encode()).digest()
                if text and digest not in seen:
                    seen.add(digest)
                    name = path.relative_to(root)
                    files.append(TextFile("/".join(name.parts[:-1][:2]), name.as_posix(), text))
                    total += len(text)
            if total >= limit_bytes or time.monotonic() > ends:
                break
    return sorted(files, key=lambda file: (file.group, file.name))


def hold_out(files: Sequence[TextFile], share: float) -> tuple[list[TextFile], list[TextFile]]:
    """Split the files into those to train on and those held out, by group; no group may be over half of `share`."""
    sizes: dict[str, int] = defaultdict(int)
    for file in files:
        sizes[file.group] += len(file.text)
    wanted = share * sum(sizes.values())
    chosen: set[str] = set()
    for group in sorted(sizes, key=lambda name: hashlib.sha256(name.encode()).digest()):
        if wanted <= 0:
            break
        if sizes[group] <= share * sum(sizes.values()) / 2:
            chosen.add(group)
            wanted -= sizes[group]
    return [f for f in files if f.group not in chosen], [f for f in files if f.group in chosen]


def train_tokenizer(files: Sequence[TextFile], vocabulary: int, sample_bytes: int = 30_000_000) -> "Tokenizer":
    """Train a byte-level byte-pair tokenizer on an even sample of the files."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    step = max(1, sum(len(file.text) for file in files) // sample_bytes)
    tokenizer.train_from_iterator((file.text for file in files[::step]), trainer)
    return tokenizer


def write_tokenizer(tokenizer: "Tokenizer", folder: Path) -> None:
    """Write tokenizer.json and its configuration."""
    tokenizer.save(str(folder / "tokenizer.json"))
    named = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END, "pad_token": END}
    (folder / "tokenizer_config.json").write_text(json.dumps(named, indent=1) + "\n")


def encode(files: Sequence[TextFile], tokenizer: "Tokenizer", batch: int = 2_000) -> Tokens:
    """Return the files as one row of tokens: each its name, its text and END, in the order given."""
    parts: list[Tokens] = []
    for at in range(0, len(files), batch):
        texts = [f"# {file.name}\n{file.text}{END}" for file in files[at : at + batch]]
        parts += [np.array(encoding.ids, np.int32) for encoding in tokenizer.encode_batch_fast(texts)]
    return np.concatenate(parts) if parts else np.zeros(0, np.int32)


def windows(tokens: Tokens, count: int, length: int) -> Tokens:
    """Return up to `count` windows of `length` tokens that do not overlap, spread evenly."""
    available = len(tokens) // length
    kept = np.linspace(0, available - 1, min(count, available)).round().astype(int) if available else []
    return np.stack([tokens[at * length : (at + 1) * length] for at in kept]) if available else tokens[:0].reshape(0, 1)


def _text_paths(root: Path, roots: Sequence[Path]) -> Iterator[Path]:
    for folder, below, names in os.walk(root):
        here = Path(folder)
        below[:] = [name for name in below if name != "__pycache__" and here / name not in roots]
        yield from (here / name for name in names if name.endswith(SUFFIXES))


def _read(path: Path) -> str:
    """Return the file's text, or nothing where it is no ordinary text."""
    try:
        if not _SMALLEST <= path.stat().st_size <= _LARGEST:
            return ""
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    return text if len(text) <= _LONGEST_MEAN_LINE * (text.count("\n") + 1) else ""
