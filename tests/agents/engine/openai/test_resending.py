"""Sending a request again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from agents.engine.openai.resending import PAUSES, ResendingClient, retry_after

Answer = httpx.Response | Exception


async def send(*answers: Answer, seconds: float = 600.0) -> tuple[httpx.Response, list[float]]:
    """Return a request's response from a server that gives these answers, and the pauses that were made."""
    left, pauses = list(answers), list[float]()

    def answer(_: httpx.Request) -> httpx.Response:
        given = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(given, Exception):
            raise given
        return given

    async def sleep(pause: float) -> None:
        pauses.append(pause)

    async with ResendingClient(seconds, sleep, transport=httpx.MockTransport(answer)) as client:
        return await client.post("http://model/v1/chat/completions", json={}), pauses


def busy(status: int = 429, retry_after: str | None = None) -> httpx.Response:
    return httpx.Response(status, headers={"Retry-After": retry_after} if retry_after is not None else {})


@pytest.mark.parametrize(
    "failure",
    [
        *(busy(status) for status in (429, 500, 502, 503, 504)),
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("cut"),
    ],
    ids=repr,
)
async def test_what_may_be_answered_by_another_replica_is_sent_again(failure: Answer) -> None:
    response, pauses = await send(failure, httpx.Response(200))
    assert response.status_code == 200
    assert pauses == [PAUSES[0]]


@pytest.mark.parametrize("status", [200, 400, 401, 404, 501])
async def test_what_would_be_answered_alike_is_not_sent_again(status: int) -> None:
    response, pauses = await send(httpx.Response(status), httpx.Response(200))
    assert (response.status_code, pauses) == (status, [])


async def test_a_request_that_took_too_long_is_not_sent_again() -> None:
    with pytest.raises(httpx.ReadTimeout):
        await send(httpx.ReadTimeout("slow"), httpx.Response(200))


async def test_a_server_that_stays_as_it_is_gets_no_more_than_three_requests() -> None:
    response, pauses = await send(busy(503))
    assert (response.status_code, tuple(pauses)) == (503, PAUSES)
    with pytest.raises(httpx.ReadError):
        await send(httpx.ReadError("reset"))


async def test_a_server_is_left_alone_for_as_long_as_it_asks_however_often() -> None:
    response, pauses = await send(*[busy(429, "7"), busy(503, "30")] * 3, httpx.Response(200))
    assert response.status_code == 200
    assert pauses == [7.0, 30.0] * 3


async def test_who_would_be_answered_too_late_is_told_at_once() -> None:
    response, pauses = await send(busy(429, "7"), busy(429, "700"), httpx.Response(200))
    assert (response.status_code, response.headers["Retry-After"], pauses) == (429, "700", [7.0])
    with pytest.raises(httpx.ConnectError):
        await send(httpx.ConnectError("refused"), httpx.Response(200), seconds=0.0)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("7", 7.0), ("Fri, 01 Jan 2021 00:00:00 GMT", 0.0), ("soon", 0.0), ("-3", 0.0), (None, 0.0)],
)
def test_the_pause_is_told_in_seconds(told: str | None, seconds: float) -> None:
    assert retry_after(busy(429, told)) == seconds


def test_the_pause_is_told_by_a_date() -> None:
    tomorrow = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)

    assert 80_000 < retry_after(busy(429, tomorrow)) <= 86_400
