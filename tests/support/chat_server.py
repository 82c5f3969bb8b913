"""An OpenAI-compatible server in a thread that replays what it was given and remembers what it was asked."""

import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.local_server import LocalServer

Reply = str | tuple[int, str]
"""The answer's text, or a status and an error message."""
HANGS_UP: Reply = (0, "")
"""The connection is closed instead of an answer."""
BREAKS_OFF: Reply = (-1, "")
"""The connection is closed in the middle of an answer."""


class ChatServer(LocalServer):
    """Serves one model; each request takes the next reply, the last one again and again.

    Args:
        replies: What to answer.
        model: The model's name.
        vllm: Whether it also tokenizes, as vLLM does, one token for each word.
        passes_on_tokenize: Whether that is reached through the router before it.
        refuse: Returns why a request is refused with status 400, or an empty text.
        finish_reason: How each answer says it ended.
        seconds: How long an answer takes.
        unready: How many requests for its models it refuses at first, as a router does that has lost a server.
        top_logprobs: What it tells of an answer's first token to those who ask: tokens and their log probabilities;
            None where it tells nothing.
    """

    def __init__(
        self,
        *replies: Reply,
        model: str = "a-model",
        vllm: bool = False,
        passes_on_tokenize: bool = True,
        refuse: Callable[[dict[str, Any]], str] = lambda _body: "",
        finish_reason: tuple[str, ...] = ("stop",),
        key: str = "",
        seconds: float = 0.0,
        context: int = 32_768,
        unready: int = 0,
        top_logprobs: dict[str, float] | None = None,
    ) -> None:
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        """Of these requests, by their names in small letters."""
        self.tokenized = 0
        self.replies = list(replies)
        self.finish_reasons = list(finish_reason)
        self.model, self.vllm, self.refuse, self.key, self.seconds = model, vllm, refuse, key, seconds
        self.context, self.top_logprobs, self.passes_on_tokenize = context, top_logprobs, passes_on_tokenize
        self.unready = unready
        outer = self

        class Bound(_Handler):
            server_ = outer

        super().__init__(Bound)
        self.port = self._http.server_port
        self.base_url = f"{self.address}/v1"


class _Handler(BaseHTTPRequestHandler):
    server_: ChatServer

    def do_GET(self) -> None:
        card: dict[str, Any] = {"id": self.server_.model, "owned_by": "vllm" if self.server_.vllm else "someone"}
        if self.server_.vllm:
            card["max_model_len"] = self.server_.context
        known = self.path == "/v1/models"
        if known and self.server_.unready:
            self.server_.unready -= 1
            self.send({}, 500)
            return
        self.send({"data": [card]} if known else {}, 200 if known else 404)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/tokenize" and not self.server_.passes_on_tokenize:
            self.send({}, 404)
            return
        if self.path == "/tokenize":
            self.server_.tokenized += 1
            texts = [body["prompt"]] if "prompt" in body else [message["content"] for message in body["messages"]]
            self.send({"count": sum(len(text.split()) for text in texts)})
            return
        self.server_.requests.append(body)
        self.server_.headers.append({name.lower(): value for name, value in self.headers.items()})
        time.sleep(self.server_.seconds)
        if reason := self.server_.refuse(body):
            self.send({"error": {"message": reason}}, 400)
            return
        reply = self.server_.replies.pop(0) if len(self.server_.replies) > 1 else self.server_.replies[0]
        if reply == HANGS_UP:
            self.close_connection = True
        elif reply == BREAKS_OFF:
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b'{"id": "1", "object": "chat')
            self.close_connection = True
        elif isinstance(reply, tuple):
            self.send({"error": {"message": reply[1]}}, reply[0])
        else:
            self.chat(reply, told=self.server_.top_logprobs if body.get("logprobs") else None)

    def chat(self, content: str, *, told: dict[str, float] | None) -> None:
        reasons = self.server_.finish_reasons
        reason = reasons.pop(0) if len(reasons) > 1 else reasons[0]
        choice: dict[str, Any] = {
            "index": 0,
            "finish_reason": reason,
            "message": {"role": "assistant", "content": content},
        }
        if told is not None:
            top = [{"token": token, "logprob": logprob} for token, logprob in told.items()]
            choice["logprobs"] = {"content": [{"token": content, "logprob": 0.0, "top_logprobs": top}]}
        usage = {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "total_tokens": 120,
            "prompt_tokens_details": {"cached_tokens": 64},
        }
        self.send({"id": "1", "object": "chat.completion", "created": 1, "model": self.server_.model,
                   "choices": [choice], "usage": usage})  # fmt: skip

    def send(self, value: dict[str, Any], status: int = 200) -> None:
        if self.server_.key and self.headers.get("Authorization") != f"Bearer {self.server_.key}":
            value, status = {"error": {"message": "who are you?"}}, 401
        send_json(self, value, status)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def send_json(handler: BaseHTTPRequestHandler, value: dict[str, Any], status: int = 200) -> None:
    """Send JSON as the reply to the request that a handler handles."""
    data = json.dumps(value).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)
