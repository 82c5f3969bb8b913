"""The files that build, publish and deploy, each by a linter of its kind: images, compose, manifests, workflows.

The load balancer is run before two servers. The rest cannot be: that takes a Docker daemon, a cluster, and GitHub.
"""

import asyncio
import json
import re
import shutil
import socket
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from mcp import Client

from agents.settings import load_settings
from mcp_server.observability import METRICS_PATH
from mcp_server.transports import HEALTH_PATH
from tests.support.fake_assistant import FakeAssistant
from tests.support.serving import serving

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROGRAMS = Path(sys.executable).parent
TEAM = ROOT / "deploy" / "compose.yaml"
KUBERNETES = ROOT / "deploy" / "kubernetes"
MANIFESTS = sorted(path for path in KUBERNETES.glob("*.yaml") if path.name != "kustomization.yaml")
PORT = 8765
QUESTION = {"question": "How much does the pump hold?", "documents": ["/manuals/pump.pdf"]}


def run(*command: str | Path) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_dockerfile_passes_hadolint() -> None:
    assert run(PROGRAMS / "hadolint", "Dockerfile") == ""


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.compose-spec", ["compose.yaml", TEAM]),
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


@pytest.mark.parametrize(
    "name",
    [
        "Dockerfile",
        "compose.yaml",
        "bundle/manifest.json",
        "deploy/compose.yaml",
        "deploy/kubernetes/settings.yaml",
        "deploy/kubernetes/secrets.example.yaml",
    ],
)
def test_every_variable_of_ours_is_a_setting(name: str) -> None:
    settings = (ROOT / "docs" / "settings.md").read_text()

    variables = set(re.findall(r"READROOM_\w+", (ROOT / name).read_text()))
    assert variables
    assert [variable for variable in sorted(variables) if f"`{variable}`" not in settings] == []


def test_the_citation_names_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_router_is_called_as_it_was_measured() -> None:
    measured = json.loads((ROOT / "benchmarks" / "results" / "vllm_replicas.json").read_text())
    options = re.search(r"vllm-router \((.*?)\)", measured["how"])
    assert options
    router = yaml.safe_load(TEAM.read_text())["services"]["router"]
    page = " ".join((ROOT / "docs" / "team.md").read_text().replace("\\\n", "").split())

    called = f"--policy consistent_hash {options[1]}"
    assert router["command"].endswith(called)
    assert called in page
    assert f"vllm-router=={measured['figures']['vllm_router']}\n" in router["build"]["dockerfile_inline"]


def test_the_gpu_image_has_the_vllm_that_was_measured() -> None:
    measured = json.loads((ROOT / "benchmarks" / "results" / "engine_h200.json").read_text())
    version = measured["engines"]["fp8_e5m2"]["steps"]["start"]["vllm"]

    assert f'"vllm=={version}"' in (ROOT / "Dockerfile").read_text()


def manifests() -> Iterator[dict[str, Any]]:
    """Yield what is made in the cluster."""
    for path in MANIFESTS:
        yield from yaml.safe_load_all(path.read_text())


def manifest(kind: str, name: str = "readroom") -> dict[str, Any]:
    return next(each for each in manifests() if (each["kind"], each["metadata"]["name"]) == (kind, name))


def pods() -> dict[str, dict[str, Any]]:
    """Return the pods' specifications by their kinds."""
    return {
        each["kind"]: each["spec"]["template"]["spec"] for each in manifests() if "template" in each.get("spec", {})
    }


def test_the_manifests_obey_the_schemas_of_kubernetes() -> None:
    run(PROGRAMS / "kubernetes-validate", "--strict", *MANIFESTS)


def test_what_kustomize_builds_is_every_manifest_but_the_example_of_secrets() -> None:
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())

    assert {*kustomization["resources"], "secrets.example.yaml"} == {path.name for path in MANIFESTS}
    (image,) = kustomization["images"]
    assert image["name"] == "readroom"
    assert f"version: {image['newTag']}\n" in (ROOT / "CITATION.cff").read_text()
    assert kustomization["namespace"] == manifest("Secret")["metadata"]["namespace"]


@asynccontextmanager
async def balancing(folder: Path, *servers: str) -> AsyncIterator[str]:
    """Run the load balancer before these servers, on a free port of this machine, and yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = TEAM.with_name("Caddyfile").read_text().replace(f":{PORT} {{", f":{port} {{\n\tbind 127.0.0.1")
    config = folder / "Caddyfile"
    config.write_text(re.sub(r"dynamic a readroom .*?\}", f"to {' '.join(servers)}", text, flags=re.DOTALL))
    environment = {name: str(folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    caddy = await asyncio.create_subprocess_exec(
        PROGRAMS / "caddy", "run", "--config", config, env=environment, stderr=asyncio.subprocess.PIPE
    )
    try:
        said = ""
        while "serving initial configuration" not in said:
            line = (await caddy.stderr.readline()).decode()
            assert line, said
            said += line
        yield f"http://127.0.0.1:{port}"
    finally:
        if caddy.returncode is None:
            caddy.terminate()
        await caddy.communicate()


def test_the_load_balancer_takes_its_file(tmp_path: Path) -> None:
    environment = {name: str(tmp_path) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    command = [PROGRAMS / "caddy", "validate", "--adapter", "caddyfile", "--config", TEAM.with_name("Caddyfile")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert '"warn"' not in done.stderr


async def test_both_servers_answer_through_the_load_balancer_and_one_where_the_other_is_gone(tmp_path: Path) -> None:
    one, two = FakeAssistant(), FakeAssistant()

    async with AsyncExitStack() as ends, serving("http", two) as second:
        first = await ends.enter_async_context(serving("http", one))
        async with balancing(tmp_path, first, second) as address, Client(f"{address}/mcp") as client:
            for _ in range(20):
                assert (await client.call_tool("ask", QUESTION)).structured_content["claims"]
            shares = len(one.asked), len(two.asked)
            await ends.aclose()
            for _ in range(5):
                assert (await client.call_tool("ask", QUESTION)).structured_content["claims"]

    assert all(shares)
    assert len(one.asked) + len(two.asked) == 25
    assert len(one.asked) == shares[0]


async def test_the_load_balancer_hands_out_no_servers_figures(tmp_path: Path) -> None:
    async with (
        serving("http", metrics_token="for Prometheus") as server,
        balancing(tmp_path, server) as address,
        httpx.AsyncClient(headers={"Authorization": "Bearer for Prometheus"}) as http,
    ):
        found = [(await http.get(f"{base}{METRICS_PATH}")).status_code for base in (server, address)]

    assert found == [200, 404]


def test_prometheus_reads_every_server_where_it_tells_its_figures() -> None:
    (job,) = yaml.safe_load(TEAM.with_name("prometheus.yaml").read_text())["scrape_configs"]
    compose = yaml.safe_load(TEAM.read_text())
    (token,) = compose["services"]["prometheus"]["secrets"]

    assert job.get("metrics_path", "/metrics") == METRICS_PATH
    assert job["dns_sd_configs"] == [{"names": ["readroom"], "type": "A", "port": PORT}]
    assert job["authorization"]["credentials_file"] == f"/run/secrets/{token}"
    assert compose["secrets"][token]["environment"] in compose["services"]["readroom"]["environment"]


def test_images_and_ports_are_those_of_the_dockerfile() -> None:
    services = yaml.safe_load(TEAM.read_text())["services"]
    built = {
        service["image"]: service["build"] for service in services.values() if "target" in service.get("build", {})
    }
    (container,) = pods()["Deployment"]["containers"]

    assert f"EXPOSE {PORT}\n" in (ROOT / "Dockerfile").read_text()
    assert {name: (TEAM.parent / build["context"]).resolve() for name, build in built.items()} == {"readroom": ROOT}
    assert " AS extractive\n" in (ROOT / "Dockerfile").read_text()
    assert built["readroom"]["target"] == "extractive"
    assert f"dynamic a readroom {PORT} " in TEAM.with_name("Caddyfile").read_text()
    assert services["balancer"]["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
    assert {each["image"] for pod in pods().values() for each in pod["containers"]} == {"readroom"}
    assert container["ports"] == [{"name": "http", "containerPort": PORT}]
    assert manifest("Service")["spec"]["ports"] == [{"name": "http", "port": PORT, "targetPort": "http"}]


def test_there_are_two_servers_and_no_client_is_bound_to_one() -> None:
    assert yaml.safe_load(TEAM.read_text())["services"]["readroom"]["deploy"]["replicas"] == 2
    assert manifest("Deployment")["spec"]["replicas"] == 2
    assert manifest("Service")["spec"]["sessionAffinity"] == "None"


def test_the_settings_of_the_cluster_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (manifest("ConfigMap")["data"] | manifest("Secret")["stringData"]).items():
        monkeypatch.setenv(name, value)

    settings = load_settings()

    assert settings.database_url
    assert settings.engine.base_url
    assert "readroom.readroom.svc" in settings.server.allowed_hosts
    mounted = pods()["Deployment"]["containers"][0]["volumeMounts"]
    assert str(settings.users_file.parent) in [each["mountPath"] for each in mounted]
    assert settings.users_file.name in manifest("Secret", "readroom-users")["stringData"]


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
def test_a_pod_may_do_nothing_that_it_does_not_need(kind: str) -> None:
    pod = pods()[kind]
    (container,) = pod["containers"]
    mounts = {each["name"]: each for each in container["volumeMounts"]}

    assert pod["securityContext"]["runAsNonRoot"]
    assert f"USER {pod['securityContext']['runAsUser']}\n" in (ROOT / "Dockerfile").read_text()
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod["automountServiceAccountToken"]
    # READROOM_PORT=tcp://... would be a setting that nobody knows.
    assert not pod["enableServiceLinks"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"requests", "limits"} <= set(container["resources"])
    assert set(mounts) == {volume["name"] for volume in pod["volumes"]}
    assert {name for name, each in mounts.items() if not each.get("readOnly")} == {"data", "tmp"}


def test_the_cluster_asks_for_health_where_the_servers_tell_it() -> None:
    (container,) = pods()["Deployment"]["containers"]

    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": HEALTH_PATH, "port": "http"}
