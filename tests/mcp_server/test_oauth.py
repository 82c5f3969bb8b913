"""Access tokens of an authorization server: a real one but for its pages, with keys of its own."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from jwt.algorithms import ECAlgorithm
from typing_extensions import override

from agents.errors import SettingsError
from agents.settings import EngineSettings, ServerSettings, Settings
from agents.users import Users
from mcp_server.oauth import IssuedTokens, Issuer, configured_issuer
from mcp_server.server import create_server
from tests.mcp_server.test_transports import ACCEPT, INITIALIZE, over_http
from tests.support.serving import serving_settings

URL = "https://login.example.org"
RESOURCE = "https://readroom.example.org/mcp"
Sign = Callable[..., str]


@pytest.fixture(scope="module")
def key() -> EllipticCurvePrivateKey:
    return generate_private_key(SECP256R1())


@pytest.fixture(scope="module")
def issuer(key: EllipticCurvePrivateKey) -> Iterator[Issuer]:
    """An issuer that publishes its key."""
    published = {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "one", "use": "sig", "alg": "ES256"}

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"keys": [published]}).encode())

        @override
        def log_message(self, format: str, *args: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Issuer(URL, f"http://127.0.0.1:{server.server_port}/keys", RESOURCE)
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def sign(key: EllipticCurvePrivateKey) -> Sign:
    """Sign a token of Ada's that is in order but for what is named."""

    def signed(by: Any = key, algorithm: str = "ES256", kid: str = "one", **changed: object) -> str:
        usual = {"iss": URL, "aud": RESOURCE, "sub": "ada@example.org", "exp": time.time() + 600}
        claims = {name: value for name, value in {**usual, **changed}.items() if value is not None}
        return jwt.encode(claims, by, algorithm=algorithm, headers={"kid": kid})

    return signed


async def test_a_token_that_is_in_order_says_whose_it_is(issuer: Issuer, sign: Sign) -> None:
    assert await IssuedTokens(issuer).subject(sign()) == "ada@example.org"
    assert await IssuedTokens(issuer).subject(sign(aud=["https://other.example.org", RESOURCE])) == "ada@example.org"


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "https://other.example.org/mcp"},
        {"aud": None},
        {"iss": "https://evil.example.org"},
        {"iss": None},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"nbf": 9_000_000_000},
        {"sub": None},
        {"kid": "two"},
        {"by": generate_private_key(SECP256R1())},
        {"by": None, "algorithm": "none"},
        {"by": "a secret of 32 bytes or a few more", "algorithm": "HS256"},
    ],
    ids=lambda changed: " ".join(changed),
)
async def test_a_token_that_is_not_is_nobody_s(issuer: Issuer, sign: Sign, changed: dict[str, Any]) -> None:
    assert await IssuedTokens(issuer).subject(sign(**changed)) is None


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é" * 9, "eyJ9.eyJ9."])
async def test_what_is_no_token_is_nobody_s(issuer: Issuer, token: str) -> None:
    assert await IssuedTokens(issuer).subject(token) is None


async def test_while_the_keys_cannot_be_had_nobody_is_let_in(issuer: Issuer, sign: Sign) -> None:
    assert await IssuedTokens(issuer._replace(keys="http://127.0.0.1:9/keys")).subject(sign()) is None


async def test_a_user_comes_with_a_token_of_the_issuer_s(issuer: Issuer, sign: Sign, tmp_path: Path) -> None:
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "pump.txt").write_text("The pump holds 40 litres.\n")
    assert Users(tmp_path / "users.json").add("ada", [tmp_path / "ada"], subject="ada@example.org") is None
    settings = Settings(
        data_dir=tmp_path / "data",
        users_file=tmp_path / "users.json",
        engine=EngineSettings(kind="extractive"),
        server=ServerSettings(port=0, oauth_issuer=URL, oauth_keys=issuer.keys, oauth_resource=RESOURCE),
    )
    async with serving_settings(settings) as base:
        async with over_http(base, token=sign()) as ada:
            listed = await ada.call_tool("list_documents", {})
        async with httpx.AsyncClient() as http:
            stranger = {**ACCEPT, "Authorization": f"Bearer {sign(sub='eve@example.org')}"}
            refused = await http.post(f"{base}/mcp", json=INITIALIZE, headers=stranger)
            said = (await http.get(f"{base}/.well-known/oauth-protected-resource/mcp")).json()
    assert "pump.txt" in listed.model_dump_json()
    assert refused.status_code == 401
    assert (
        "https://readroom.example.org/.well-known/oauth-protected-resource/mcp" in refused.headers["www-authenticate"]
    )
    assert (said["resource"], said["authorization_servers"]) == (RESOURCE, [URL])


def test_an_issuer_without_its_keys_or_users_is_refused(tmp_path: Path) -> None:
    alone = ServerSettings(oauth_issuer=URL)
    with pytest.raises(SettingsError, match="OAUTH_KEYS"):
        configured_issuer(alone)
    with pytest.raises(SettingsError, match="READROOM_USERS_FILE"):
        create_server(Settings(server=alone))
