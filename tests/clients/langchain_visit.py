"""The visit with langchain-mcp-adapters, in its own environment: it needs the SDK before the one that Readroom uses.

python -m tests.clients.langchain_visit URL TEXTS_JSON
"""

import asyncio
import json
import sys
from collections.abc import Callable

from langchain_mcp_adapters.callbacks import Callbacks
from langchain_mcp_adapters.client import MultiServerMCPClient

from tests.clients.visit import Structured, printed, visit


class LangChain:
    """An agent's view: tools with names, that are invoked."""

    def __init__(self, url: str) -> None:
        self.told: Callable[[], None] | None = None

        async def on_progress(*_: object) -> None:
            if self.told:
                self.told()

        connection = {"transport": "streamable_http", "url": url}
        self.client = MultiServerMCPClient({"readroom": connection}, callbacks=Callbacks(on_progress=on_progress))

    async def list_tools(self) -> list[str]:
        self.tools = {tool.name: tool for tool in await self.client.get_tools()}
        return list(self.tools)

    async def call(self, tool: str, arguments: Structured, on_progress: Callable[[], None] | None = None) -> Structured:
        self.told = on_progress
        called = {"type": "tool_call", "id": "1", "name": tool, "args": arguments}
        message = await self.tools[tool].ainvoke(called)
        return message.artifact["structured_content"]


if __name__ == "__main__":
    printed(asyncio.run(visit(LangChain(sys.argv[1]), json.loads(sys.argv[2]))))
