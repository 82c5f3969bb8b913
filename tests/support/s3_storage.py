"""A real S3 server for the tests, in a thread of theirs."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

# Whoever names nobody may not write what is there already; the rest of the line is not looked at.
SOMEBODY = {"Authorization": "AWS4-HMAC-SHA256 Credential=readroom/20260101/us-east-1/s3/aws4_request"}


class Storage:
    """A bucket of a server's.

    Args:
        url: The server's address.
        bucket: The bucket's name; it is made.
    """

    def __init__(self, url: str, bucket: str) -> None:
        self.url = url
        self.bucket = bucket
        self._send("")

    def put(self, key: str, content: bytes | str) -> str:
        """Write an object; return its address."""
        self._send(f"/{key}", content)
        return self.address(key)

    def address(self, key: str) -> str:
        """Return the address of an object, whether or not there is one."""
        return f"s3://{self.bucket}/{key}"

    def refuse(self, key: str) -> None:
        """Let nobody read objects whose keys match."""
        where = f"arn:aws:s3:::{self.bucket}/{key}"
        refused = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": where}
        self._send("?policy", json.dumps({"Version": "2012-10-17", "Statement": [refused]}))

    def delete(self, key: str) -> None:
        """Delete an object."""
        httpx.delete(f"{self.url}/{self.bucket}/{key}", headers=SOMEBODY).raise_for_status()

    def _send(self, path: str, content: bytes | str | None = None) -> None:
        httpx.put(f"{self.url}/{self.bucket}{path}", content=content, headers=SOMEBODY).raise_for_status()


@contextmanager
def running_server() -> Iterator[str]:
    """Yield the address of a server that runs until the body ends."""
    # Half a second, which most tests have no use for.
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def silent_server() -> Iterator[tuple[str, socket.socket]]:
    """Yield the address of a server that accepts connections and never answers, and its socket."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        bound.settimeout(60)
        yield f"http://127.0.0.1:{bound.getsockname()[1]}", bound
