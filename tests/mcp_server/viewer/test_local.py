from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from agents.errors import SessionError
from mcp_server.viewer.local import MAX_BODY, LocalViewer, serve_session
from tests.support.fake_assistant import ANSWER, DOCUMENT_ID, SESSION_ID, FakeAssistant

PAGE = {"document_id": DOCUMENT_ID, "page": 3, "quotes": [[10, 35]]}


def opened(viewer: LocalViewer, **options: Any) -> tuple[TestClient, dict[str, str]]:
    client = TestClient(viewer.app(), base_url="http://127.0.0.1", **options)
    return client, {"authorization": f"Bearer {client.post('/open', content=viewer.token).json()['key']}"}


def test_the_address_opens_once() -> None:
    viewer = LocalViewer(FakeAssistant(), (ANSWER,))
    token = viewer.token
    client, key = opened(viewer)
    again = client.post("/open", content=token)
    assert (again.status_code, again.json()["error"].split(".")[0]) == (403, "This address was opened before")
    assert client.post("/open", content="").status_code == 403
    assert client.get("/results", headers=key).json()["results"][0]["question"] == ANSWER.question


def test_without_the_key_nothing_that_is_stored_is_handed_out() -> None:
    client, _ = opened(LocalViewer(FakeAssistant(), (ANSWER,)))
    for headers in ({}, {"authorization": "Bearer x"}, {"authorization": "Bearer é"}):
        raw = {name: value.encode() for name, value in headers.items()}
        assert client.get("/results", headers=raw).status_code == 403
        assert client.post("/page", json=PAGE, headers=raw).status_code == 403
    assert ANSWER.question not in client.get("/").text


def test_only_pages_of_the_sessions_documents_are_handed_out() -> None:
    client, key = opened(LocalViewer(FakeAssistant(), (ANSWER,)))
    shown = client.post("/page", json=PAGE, headers=key).json()
    assert [each["text"] for each in shown["text"] if each["quotes"]] == ["The pump holds 40 litres."]
    assert client.post("/page", json={**PAGE, "document_id": "f" * 16}, headers=key).status_code == 404


@pytest.mark.parametrize(("body", "status"), [(b"no", 400), (b"{}", 400), (b" " * (MAX_BODY + 1), 413)])
def test_what_is_no_request_is_refused(body: bytes, status: int) -> None:
    client, key = opened(LocalViewer(FakeAssistant(), (ANSWER,)))
    assert client.post("/page", content=body, headers=key).status_code == status


def test_another_sites_name_does_not_lead_here() -> None:
    client, key = opened(LocalViewer(FakeAssistant(), (ANSWER,)))
    assert client.get("/results", headers={**key, "host": "evil.example"}).status_code == 400


def test_the_page_may_not_be_framed_or_stored() -> None:
    client, _ = opened(LocalViewer(FakeAssistant(), (ANSWER,)))
    answered: httpx.Headers = client.get("/").headers
    assert answered["content-security-policy"] == "frame-ancestors 'none'"
    assert answered["cache-control"] == "no-store"


async def test_a_session_without_stored_results_says_so() -> None:
    with pytest.raises(SessionError, match="no result is stored"):
        await serve_session(FakeAssistant(), SESSION_ID, 0, print)
