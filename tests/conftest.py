"""What every test may ask for."""

import os
import signal
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from pydantic import SecretStr

from agents.documents.library import Library, Parsing
from agents.documents.parsing.sandbox import Sandbox
from agents.jobs.window_cache import WindowCache
from agents.settings import DocumentsSettings
from tests.support import postgres
from tests.support.postgres import Cluster
from tests.support.s3_storage import Storage, running_server

REPOSITORY = Path(__file__).parent.parent
EXAMPLES = REPOSITORY / "examples"


def pytest_configure() -> None:
    """Set up what holds for every test.

    How long an example takes says how busy the machine is, and no more. A shell that runs the suite in the background
    has it, and whatever it starts, ignore Ctrl-C: tests press it.
    """
    slow = hypothesis.HealthCheck.too_slow
    hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[slow])
    hypothesis.settings.load_profile("busy")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def handbook() -> str:
    """The path of the example PDF."""
    return str(EXAMPLES / "station-handbook.pdf")


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """What reads the documents of all tests, each in a fork of its own: to start it takes longer than most tests."""
    sandbox = Sandbox(DocumentsSettings())
    yield sandbox
    sandbox.close()


@pytest.fixture
async def library(tmp_path: Path, database_url: SecretStr | None, sandbox: Sandbox) -> AsyncIterator[Library]:
    """A library that may read the test's own folder and the examples."""
    settings = DocumentsSettings(roots=(tmp_path, EXAMPLES))
    library = Library(settings, tmp_path / "data", database_url=database_url, parsing=Parsing.by(sandbox))
    yield library
    await library.close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[WindowCache]:
    """A store for finished windows."""
    store = WindowCache(tmp_path / "data")
    yield store
    await store.close()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], str]:
    """Write a text file and return its path."""

    def written(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return written


@pytest.fixture(scope="session")
def vllm_command() -> str:
    """The real vLLM, in its own environment; .ci/run fails where these tests were skipped."""
    default = REPOSITORY / ".venv-vllm" / "bin" / "vllm"
    command = os.environ.get("READROOM_TEST_VLLM") or (str(default) if default.exists() else "")
    if not command:
        missing = pytest.fail if os.environ.get("READROOM_TEST_REQUIRE_VLLM") else pytest.skip
        missing("there is no vLLM: run `make vllm`, or set READROOM_TEST_VLLM to its command")
    return command


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> SecretStr | None:
    """Where the stores keep what they keep: files of SQLite or, of tests that ask for `both`, an empty PostgreSQL."""
    return request.getfixturevalue("empty_postgres") if getattr(request, "param", "") == "PostgreSQL" else None


@pytest.fixture
def empty_postgres(cluster: Cluster) -> SecretStr:
    """The address of an empty database."""
    return cluster.empty_database()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server; .ci/run fails where these tests were skipped."""
    programs = postgres.programs()
    if programs is None:
        missing = pytest.fail if os.environ.get("READROOM_TEST_REQUIRE_POSTGRES") else pytest.skip
        missing("there is no PostgreSQL: install Debian's package `postgresql`")
    with postgres.running_cluster(programs) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3 server."""
    with running_server() as url:
        yield url


@pytest.fixture
def storage(s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """A bucket of one's own, which the environment has the credentials for."""
    from s3fs import S3FileSystem

    variables = {
        "AWS_ENDPOINT_URL_S3": s3_server,
        "AWS_ACCESS_KEY_ID": "readroom",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()
    yield Storage(s3_server, f"papers-{uuid.uuid4().hex}")
    S3FileSystem.clear_instance_cache()
