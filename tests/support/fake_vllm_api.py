"""A vLLM behind httpx: computes nothing, counts everything, and knows which prompts it has seen."""

import json
from typing import Any

import httpx
from pydantic import SecretStr

from agents.benchmark.completion_client import CompletionClient
from agents.benchmark.serving import Serving
from agents.engine.model_config import ModelShape
from agents.engine.openai.endpoint import Endpoint
from agents.schema import EngineInfo

ENDPOINT = Endpoint(
    base_url="http://127.0.0.1:1/v1",
    model="tiny",
    api_key=SecretStr("key"),
    info=EngineInfo(name="vllm", generative=True, model="tiny", context_tokens=4_096),
    tokenizes=True,
    request_seconds=5.0,
)
SHAPE = ModelShape(layers=1, hidden=64, intermediate=128, heads=2, kv_heads=1, head_dim=32, vocabulary=1_536)
CACHE = 'vllm:cache_config_info{cache_dtype="fp8_e5m2",num_gpu_blocks="100",block_size="16"'


class FakeVllm(httpx.AsyncBaseTransport):
    """Answers as vLLM does; its clock ticks a second for each prompt and a tenth for each token."""

    def __init__(self, *, cache_labels: str = "", log_probability: float | None = -2.0) -> None:
        self.cache_labels = cache_labels
        self.log_probability = log_probability
        self.prompts: list[list[int]] = []
        self.schemas: list[dict[str, Any]] = []
        self.authorized: set[str | None] = set()
        self.written = self.finished = self.computed = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.authorized.add(request.headers.get("Authorization"))
        body = json.loads(await request.aread() or b"{}")
        match request.url.path:
            case "/metrics":
                return httpx.Response(200, text=self._metrics())
            case "/version":
                return httpx.Response(200, json={"version": "0.32.0"})
            case "/tokenize":
                return httpx.Response(200, json={"tokens": [ord(letter) for letter in body["prompt"]]})
            case "/v1/completions" if body.get("stream"):
                return httpx.Response(200, text=self._stream(body))
            case "/v1/completions":
                return httpx.Response(200, json={"choices": [{"prompt_logprobs": self._log_probabilities(body)}]})
            case path:
                return httpx.Response(404, text=f"no {path}")

    def _stream(self, body: dict[str, Any]) -> str:
        prompt, tokens = body["prompt"], body["max_tokens"]
        cached = len(prompt) // 16 * 16 if prompt in self.prompts else 0
        self.prompts.append(prompt)
        self.schemas.append(body.get("structured_outputs", {}).get("json", {}))
        self.written, self.finished = self.written + tokens, self.finished + 1
        self.computed += len(prompt) - cached
        usage = {
            "prompt_tokens": len(prompt),
            "completion_tokens": tokens,
            "prompt_tokens_details": {"cached_tokens": cached},
        }
        events: list[dict[str, Any]] = [
            *({"choices": [{"text": "a"}]} for _ in range(tokens)),
            {"choices": [], "usage": usage},
        ]
        return "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"

    def _log_probabilities(self, body: dict[str, Any]) -> list[Any] | None:
        if self.log_probability is None:
            return None
        return [None, *({str(token): {"logprob": self.log_probability}} for token in body["prompt"][1:])]

    def _metrics(self) -> str:
        return "\n".join(
            [
                f"vllm:generation_tokens_total {self.written}",
                f"vllm:request_decode_time_seconds_sum {self.written / 10}",
                f"vllm:request_prefill_time_seconds_sum {self.finished}",
                f"vllm:time_to_first_token_seconds_sum {self.finished}",
                f'vllm:prompt_tokens_by_source_total{{source="local_compute"}} {self.computed}',
                f"{CACHE}{self.cache_labels}}} 1",
            ]
        )


def serving(vllm: httpx.AsyncBaseTransport, context_tokens: int = 4_096) -> Serving:
    """What measures a fake vLLM."""
    return Serving(CompletionClient(ENDPOINT, vllm), context_tokens, SHAPE)
