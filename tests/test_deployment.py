"""The files that build and publish: the images, the compose file and the workflows, each by a linter of its kind.

None of them can be run here: that takes a Docker daemon, and GitHub.
"""

import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROGRAMS = Path(sys.executable).parent


def run(*command: str | Path) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_dockerfile_passes_hadolint() -> None:
    assert run(PROGRAMS / "hadolint", "Dockerfile") == ""


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.compose-spec", ["compose.yaml"]),
        ("vendor.github-workflows", WORKFLOWS),
        ("custom.github-workflows-require-timeout", WORKFLOWS),
        ("vendor.citation-file-format", ["CITATION.cff"]),
    ],
)
def test_the_files_obey_their_schemas(schema: str, files: list[str | Path]) -> None:
    run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files)


def test_the_workflows_pass_an_audit_of_their_security() -> None:
    run(PROGRAMS / "zizmor", "--offline", "--quiet", "--config", ".github/zizmor.yml", *WORKFLOWS)


def test_only_the_jobs_that_publish_may_write() -> None:
    granted = [line.strip() for path in WORKFLOWS for line in path.read_text().splitlines() if line.endswith(": write")]

    assert granted == ["id-token: write", "contents: write"]


def test_the_image_is_given_all_that_the_wheel_is_built_from(tmp_path: Path) -> None:
    stage = (ROOT / "Dockerfile").read_text().split("AS wheel", 1)[1].split("\nFROM", 1)[0]
    sources = [word for line in re.findall(r"^COPY (.+) \S+$", stage, re.MULTILINE) for word in line.split()]
    context = (ROOT / ".dockerignore").read_text()
    for source in sources:
        assert f"!{source}\n" in context
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        copy(ROOT / source, tmp_path / source)

    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", tmp_path)

    names = zipfile.ZipFile(next((tmp_path / "dist").glob("*.whl"))).namelist()
    assert "mcp_server/icon.svg" in names
    assert "agents/language/data/english.toml" in names


@pytest.mark.parametrize("name", ["Dockerfile", "compose.yaml", "bundle/manifest.json"])
def test_every_variable_of_ours_is_a_setting(name: str) -> None:
    settings = (ROOT / "docs" / "settings.md").read_text()

    variables = set(re.findall(r"READROOM_\w+", (ROOT / name).read_text()))
    assert variables
    assert [variable for variable in sorted(variables) if f"`{variable}`" not in settings] == []


def test_the_citation_names_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_gpu_image_has_the_vllm_that_was_measured() -> None:
    measured = json.loads((ROOT / "benchmarks" / "results" / "engine_h200.json").read_text())
    version = measured["engines"]["fp8_e5m2"]["steps"]["start"]["vllm"]

    assert f'"vllm=={version}"' in (ROOT / "Dockerfile").read_text()
