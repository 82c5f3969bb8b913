"""A program that behaves as `vllm serve` does from outside, in a tenth of a second and without a model.

Its child process stands for vLLM's engine core. Arguments that begin with --fake make it misbehave.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("command")
    parser.add_argument("model")
    parser.add_argument("--served-model-name", nargs="+")
    parser.add_argument("--port", type=int)
    parser.add_argument("--kv-cache-dtype")
    parser.add_argument("--quantization")
    parser.add_argument("--fake-fails", help="what it says before it ends at once")
    parser.add_argument("--fake-refuses-e5m2", action="store_true")
    parser.add_argument("--fake-garbles", nargs="+", default=[], help="KV cache formats with which it cannot read")
    parser.add_argument("--fake-plugin-breaks", action="store_true")
    parser.add_argument("--fake-knows-no-format-of-ours", action="store_true")
    parser.add_argument("--fake-port-taken-once", type=Path, help="a file that remembers it")
    parser.add_argument("--fake-never-ready", action="store_true")
    parser.add_argument("--fake-refuses-chat", help="why")
    parser.add_argument("--fake-answer-seconds", type=float, default=0.0)
    return parser.parse_known_args()[0]


def instance(schema: dict[str, Any]) -> Any:
    """Return the shortest value that a schema of ours allows."""
    if "anyOf" in schema:
        return instance(schema["anyOf"][0])
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: instance(field) for name, field in schema["properties"].items()}
        case "array":
            return [instance(schema["items"])] * schema.get("minItems", 0)
        case "boolean":
            return False
        case "integer":
            return schema.get("minimum", 0)
        case _:
            return "word"


def answer(body: dict[str, Any], *, garbled: bool) -> str:
    """Return the shortest JSON where a schema is given, "Yes" where one word is wanted, else the sentence to copy."""
    if "response_format" in body:
        return json.dumps(instance(body["response_format"]["json_schema"]["schema"]))
    if body["max_tokens"] == 1:
        return "Yes"
    text, _, asked = body["messages"][-1]["content"].rpartition("\n\n")
    about = asked.rpartition("about ")[2].rstrip(".").lower()
    return "r, rrrr of of rrrr" if garbled else next(s for s in text.split(". ") if about in s.lower())


class Handler(BaseHTTPRequestHandler):
    """vLLM's paths."""

    asked: argparse.Namespace
    running = tokens = 0
    sleeping = False

    def do_GET(self) -> None:
        cls = type(self)
        match self.path:
            case "/health":
                self.send({})
            case "/v1/models":
                self.send({"data": [{"id": name, "owned_by": "vllm"} for name in self.asked.served_model_name]})
            case "/metrics":
                self.send_text(
                    f'vllm:num_requests_running{{engine="0"}} {cls.running}\n'
                    f'vllm:num_requests_waiting{{engine="0"}} 0\n'
                    f'vllm:prompt_tokens_total{{engine="0"}} {cls.tokens}\n'
                )
            case "/is_sleeping":
                self.send({"is_sleeping": cls.sleeping})
            case _:
                self.send({}, 404)

    def do_POST(self) -> None:
        cls = type(self)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/sleep"):
            cls.sleeping = True
            self.send({})
        elif self.path == "/wake_up":
            cls.sleeping = False
            self.send({})
        elif self.path == "/tokenize":
            self.send({"count": len(body) // 4})
        elif cls.sleeping:
            time.sleep(600)
        else:
            self.chat(json.loads(body))

    def chat(self, body: dict[str, Any]) -> None:
        cls = type(self)
        if self.asked.fake_refuses_chat:
            self.send({"error": {"message": self.asked.fake_refuses_chat}}, 400)
            return
        cls.running += 1
        time.sleep(self.asked.fake_answer_seconds)
        cls.running -= 1
        cls.tokens += 10
        content = answer(body, garbled=self.asked.kv_cache_dtype in self.asked.fake_garbles)
        message = {"role": "assistant", "content": content}
        usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        self.send({"id": str(os.getpid()), "object": "chat.completion", "created": 1, "model": "m",
                   "choices": [choice], "usage": usage})  # fmt: skip

    def send(self, value: dict[str, Any], status: int = 200) -> None:
        self.send_text(json.dumps(value), status, "application/json")

    def send_text(self, text: str, status: int = 200, kind: str = "text/plain") -> None:
        allowed = self.path == "/health" or self.headers.get("Authorization") == f"Bearer {os.environ['VLLM_API_KEY']}"
        self.send_response(status if allowed else 401)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    asked = Handler.asked = parse()
    if asked.fake_fails:
        sys.exit(asked.fake_fails)
    if asked.fake_refuses_e5m2 and asked.kv_cache_dtype == "fp8_e5m2":
        sys.exit("(EngineCore pid=1) ERROR [core.py:1] ValueError: fp8_e5m2 kv-cache is not supported here.")
    if asked.fake_knows_no_format_of_ours and (asked.quantization or "").startswith("readroom"):
        sys.exit(f"ValueError: Unknown quantization method: {asked.quantization}.")
    if asked.fake_plugin_breaks and importlib.util.find_spec("readroom_vllm_plugin"):
        frame = 'File "/data/engine/plugin/readroom_vllm_plugin/quantization.py", line 9, in <module>'
        sys.exit(f"Traceback (most recent call last):\n  {frame}\nImportError: cannot import name 'Fp8Config'")
    if asked.fake_port_taken_once and not asked.fake_port_taken_once.exists():
        asked.fake_port_taken_once.touch()
        sys.exit(f"OSError: [Errno 98] error while attempting to bind on port {asked.port}: address already in use")
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    if asked.fake_never_ready:
        time.sleep(600)
    sys.stdout.write("Starting to load model\nApplication startup complete\n")
    sys.stdout.flush()
    ThreadingHTTPServer(("127.0.0.1", asked.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
