"""What a result's file is called by the card that it came from."""

import re

from agents.engine.vllm.hardware import read_gpus

_VENDOR = re.compile(r"^(NVIDIA|Tesla|Quadro|GeForce|Graphics Device)\s+", re.IGNORECASE)
_DETAIL = re.compile(r"^(\d+GB.*|HBM\d?\w*|PCIe|SXM\d?|NVL|MIG|Laptop|GPU|Generation)$", re.IGNORECASE)


def card_name(gpu: str) -> str:
    """Return a GPU's short name: "h100" of "NVIDIA H100 80GB HBM3", "rtx4090" of "NVIDIA GeForce RTX 4090"."""
    words = gpu
    while (shorter := _VENDOR.sub("", words)) != words:
        words = shorter
    kept: list[str] = []
    for word in words.split():
        if kept and _DETAIL.match(word):
            break
        kept.append(word)
    return re.sub(r"[^a-z0-9]", "", "".join(kept).split("-")[0].lower()) or "gpu"


def this_card() -> str:
    """Return the short name of the first GPU that CUDA sees; "cpu" without one."""
    gpus = read_gpus()
    return card_name(gpus[0].name) if gpus else "cpu"
