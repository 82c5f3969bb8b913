"""An HTTP client whose requests survive a connection that breaks under them."""

from typing import Any

import httpx
from typing_extensions import override

_BROKEN = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)


class OnceMoreClient(httpx.AsyncClient):
    """Sends a request again, once, if its connection broke before the answer was there.

    A server closes a connection that has been idle for some seconds, and on a busy machine a request may be on its
    way just then: nobody has seen it. Where the server itself has died, the second try says so at once.
    """

    @override
    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request and return its response.

        Raises:
            httpx.TransportError: It could not be sent, or its connection broke twice.
        """
        try:
            return await super().send(request, **options)
        except _BROKEN:
            return await super().send(request, **options)
