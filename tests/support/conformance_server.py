"""Our server over HTTP with what the official conformance suite calls: its tools, resources and prompts by their names.

    python -m tests.support.conformance_server

Everything else is `create_server` and the transports as they are served: what the suite judges is ours.
"""

import asyncio
import base64
import json
from typing import Any

import mcp_types as types
from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts.base import Message, UserMessage
from mcp_types.jsonrpc import MISSING_REQUIRED_CLIENT_CAPABILITY
from pydantic import BaseModel, Field, create_model

from agents.settings import Settings
from mcp_server import http_server, transports
from mcp_server.server import create_server
from tests.support.fake_assistant import FakeAssistant

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"  # one red point
WAV = base64.b64encode(b"RIFF%\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0@\x1f\0\0@\x1f\0\0\1\0\x08\0data\1\0\0\0\x80").decode()
PAUSE = 0.05
"""Seconds that the suite asks for between two messages."""
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
Ctx = Context[Any, Any]


def text(content: str) -> types.TextContent:
    return types.TextContent(type="text", text=content)


def image() -> types.ImageContent:
    return types.ImageContent(type="image", data=PNG, mime_type="image/png")


def resource(uri: str, mime_type: str, content: str) -> types.EmbeddedResource:
    return types.EmbeddedResource(
        type="resource", resource=types.TextResourceContents(uri=uri, mime_type=mime_type, text=content)
    )


def add_contents(server: MCPServer[Any]) -> None:
    """Add tools that return one thing each."""

    @server.tool()
    def test_simple_text() -> str:
        """Return text."""
        return "This is a simple text response for testing."

    @server.tool()
    def test_image_content() -> list[types.ImageContent]:
        """Return a picture."""
        return [image()]

    @server.tool()
    def test_audio_content() -> list[types.AudioContent]:
        """Return a sound."""
        return [types.AudioContent(type="audio", data=WAV, mime_type="audio/wav")]

    @server.tool()
    def test_embedded_resource() -> list[types.EmbeddedResource]:
        """Return a resource."""
        return [resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")]

    @server.tool()
    def test_multiple_content_types() -> list[types.TextContent | types.ImageContent | types.EmbeddedResource]:
        """Return several things."""
        record = json.dumps({"test": "data", "value": 123})
        mixed = resource("test://mixed-content-resource", "application/json", record)
        return [text("Multiple content types test:"), image(), mixed]

    @server.tool()
    def test_error_handling() -> str:
        """Fail."""
        raise RuntimeError("This tool intentionally returns an error for testing")

    @server.tool()
    def json_schema_2020_12_tool() -> str:
        """Have a schema with all kinds of keywords."""
        return "ok"

    server._tool_manager.get_tool("json_schema_2020_12_tool").parameters = SCHEMA

    @server.tool()
    def test_custom_header(
        region: str = Field(description="Mirrored into a header.", json_schema_extra={"x-mcp-header": "Region"}),
    ) -> str:
        """Take an argument that a header repeats."""
        return region


def add_messages(server: MCPServer[Any]) -> None:
    """Add tools that send something while they work."""

    @server.tool()
    async def test_tool_with_logging(ctx: Ctx) -> str:
        """Log three lines."""
        for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
            await ctx.info(line)
            await asyncio.sleep(PAUSE)
        return "logged"

    @server.tool()
    async def test_logging_tool(ctx: Ctx) -> str:
        """Log a line where the request asks for it."""
        await ctx.info("logged")
        return "logged"

    @server.tool()
    async def test_tool_with_progress(ctx: Ctx) -> str:
        """Report three steps."""
        for done in (0, 50, 100):
            await ctx.report_progress(done, 100)
            await asyncio.sleep(PAUSE)
        return "done"

    @server.tool()
    async def test_reconnection(ctx: Ctx) -> str:
        """Close the stream, and go on while the client comes back."""
        await ctx.close_sse_stream()
        await asyncio.sleep(PAUSE)
        return "Reconnection test completed successfully"

    @server.tool()
    async def test_trigger_tool_change(ctx: Ctx) -> str:
        """Tell subscribers that the tools have changed."""
        await ctx.notify_tools_changed()
        return "told"

    @server.tool()
    async def test_trigger_prompt_change(ctx: Ctx) -> str:
        """Tell subscribers that the prompts have changed."""
        await ctx.notify_prompts_changed()
        return "told"


class Person(BaseModel):
    """Who answers."""

    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


class Defaults(BaseModel):
    """One default of each type."""

    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: str = Field(default="active", json_schema_extra={"enum": ["active", "inactive", "pending"]})
    verified: bool = True


def choices(*names: str) -> list[dict[str, str]]:
    return [{"const": name, "title": name.capitalize()} for name in names]


Enums = create_model(
    "Enums",
    untitledSingle=(str, Field(json_schema_extra={"enum": ["option1", "option2", "option3"]})),
    titledSingle=(str, Field(json_schema_extra={"oneOf": choices("first", "second")})),
    legacyEnum=(str, Field(json_schema_extra={"enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]})),
    untitledMulti=(list[str], Field(json_schema_extra={"items": {"type": "string", "enum": ["option1", "option2"]}})),
    titledMulti=(list[str], Field(json_schema_extra={"items": {"anyOf": choices("first", "second")}})),
)


def add_requests(server: MCPServer[Any]) -> None:
    """Add tools that ask the client for something, as servers of 2025 do."""

    @server.tool()
    async def test_sampling(prompt: str, ctx: Ctx) -> str:
        """Have the client's model answer."""
        message = types.SamplingMessage(role="user", content=text(prompt))
        result = await ctx.session.create_message(messages=[message], max_tokens=100)
        return f"LLM response: {result.content.text}"

    async def elicited(ctx: Ctx, message: str, schema: type[BaseModel]) -> str:
        result = await ctx.elicit(message, schema)
        content = result.data.model_dump_json() if result.action == "accept" else "{}"
        return f"Elicitation completed: action={result.action}, content={content}"

    @server.tool()
    async def test_elicitation(message: str, ctx: Ctx) -> str:
        """Have the user say who they are."""
        return await elicited(ctx, message, Person)

    @server.tool()
    async def test_elicitation_sep1034_defaults(ctx: Ctx) -> str:
        """Have the user fill in a form with defaults."""
        return await elicited(ctx, "Please fill in", Defaults)

    @server.tool()
    async def test_elicitation_sep1330_enums(ctx: Ctx) -> str:
        """Have the user choose in five ways."""
        return await elicited(ctx, "Please choose", Enums)


def form(message: str, **properties: str) -> types.ElicitRequest:
    schema = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": list(properties),
    }
    return types.ElicitRequest(params=types.ElicitRequestFormParams(message=message, requested_schema=schema))


def sample(prompt: str, max_tokens: int) -> types.CreateMessageRequest:
    messages = [types.SamplingMessage(role="user", content=text(prompt))]
    return types.CreateMessageRequest(params=types.CreateMessageRequestParams(messages=messages, max_tokens=max_tokens))


def wanted(state: str | None = None, **requests: types.InputRequest) -> types.InputRequiredResult:
    return types.InputRequiredResult(input_requests=requests or None, request_state=state)


def answered(ctx: Ctx, *names: str) -> bool:
    return ctx.input_responses is not None and set(names) <= set(ctx.input_responses)


Outcome = str | types.InputRequiredResult


def add_rounds(server: MCPServer[Any]) -> None:  # noqa: C901  one function for each tool
    """Add tools that ask the client for something by their result, as servers of 2026 do."""

    @server.tool()
    async def test_input_required_result_elicitation(ctx: Ctx) -> Outcome:
        """Ask for a name."""
        if not answered(ctx, "user_name"):
            return wanted(user_name=form("What is your name?", name="string"))
        return f"Hello, {ctx.input_responses['user_name'].content['name']}!"

    @server.tool()
    async def test_input_required_result_sampling(ctx: Ctx) -> Outcome:
        """Ask for a model's answer."""
        if not answered(ctx, "capital_question"):
            return wanted(capital_question=sample("What is the capital of France?", 100))
        return ctx.input_responses["capital_question"].content.text

    @server.tool()
    async def test_input_required_result_list_roots(ctx: Ctx) -> Outcome:
        """Ask for the roots."""
        if not answered(ctx, "client_roots"):
            return wanted(client_roots=types.ListRootsRequest())
        return ", ".join(str(root.uri) for root in ctx.input_responses["client_roots"].roots)

    @server.tool()
    async def test_input_required_result_request_state(ctx: Ctx) -> Outcome:
        """Ask for a word, and know again what was asked."""
        if not (answered(ctx, "confirm") and ctx.request_state):
            return wanted("asked", confirm=form("Please confirm", ok="boolean"))
        return "state-ok"

    @server.tool()
    async def test_input_required_result_multiple_inputs(ctx: Ctx) -> Outcome:
        """Ask for three things at once."""
        if not answered(ctx, "user_name", "greeting", "client_roots"):
            return wanted(
                "asked",
                user_name=form("What is your name?", name="string"),
                greeting=sample("Generate a greeting", 50),
                client_roots=types.ListRootsRequest(),
            )
        return "all there"


def add_more_rounds(server: MCPServer[Any]) -> None:  # noqa: C901
    """Add tools that ask again, or ask for what the client can do."""

    @server.tool()
    async def test_input_required_result_multi_round(ctx: Ctx) -> Outcome:
        """Ask twice."""
        if ctx.request_state == "second" and answered(ctx, "step2"):
            return "both there"
        if ctx.request_state == "first" and answered(ctx, "step1"):
            return wanted("second", step2=form("Step 2: What is your favorite color?", color="string"))
        return wanted("first", step1=form("Step 1: What is your name?", name="string"))

    @server.tool()
    async def test_input_required_result_tampered_state(ctx: Ctx) -> Outcome:
        """Ask for a word; the SDK refuses a state that is not its own."""
        if not answered(ctx, "confirm"):
            return wanted("sealed", confirm=form("Please confirm", ok="boolean"))
        return "state-ok"

    @server.tool()
    async def test_input_required_result_capabilities(ctx: Ctx) -> Outcome:
        """Ask only for what the client can do."""
        able = ctx.client_capabilities or types.ClientCapabilities()
        asked: dict[str, types.InputRequest] = {}
        if able.sampling:
            asked["greeting"] = sample("Generate a greeting", 50)
        if able.elicitation:
            asked["user_name"] = form("What is your name?", name="string")
        return wanted(**asked) if asked and not answered(ctx, *asked) else "done"

    @server.tool()
    async def test_streaming_elicitation(ctx: Ctx) -> Outcome:
        """Report a step, then ask."""
        await ctx.report_progress(1, 2)
        return "done" if answered(ctx, "user_name") else wanted(user_name=form("What is your name?", name="string"))

    @server.tool()
    async def test_missing_capability(ctx: Ctx) -> str:
        """Need what the client may not have."""
        if not (ctx.client_capabilities and ctx.client_capabilities.sampling):
            needed = {"requiredCapabilities": {"sampling": {}}}
            raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "This tool needs sampling.", needed)
        return "done"


def add_resources(server: MCPServer[Any]) -> None:
    """Add resources, and answers to clients that subscribe to them, or complete where our server does not."""

    @server.resource("test://static-text", mime_type="text/plain")
    def static_text() -> str:
        """Text."""
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    def static_binary() -> bytes:
        """A picture."""
        return base64.b64decode(PNG)

    @server.resource("test://template/{id}/data", mime_type="application/json")
    def template(id: str) -> str:  # noqa: A002  the suite's own name
        """A record of any number."""
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})

    @server.resource("test://watched-resource", mime_type="text/plain")
    def watched() -> str:
        """Text to subscribe to."""
        return "Watched."

    async def nothing(_ctx: Any, _params: Any) -> types.EmptyResult:
        return types.EmptyResult()

    lowlevel = server._lowlevel_server
    lowlevel.add_request_handler("resources/subscribe", types.SubscribeRequestParams, nothing)
    lowlevel.add_request_handler("resources/unsubscribe", types.UnsubscribeRequestParams, nothing)
    lowlevel.add_request_handler("logging/setLevel", types.SetLevelRequestParams, nothing)
    if lowlevel.get_request_handler("completion/complete") is None:

        @server.completion()
        async def complete(*_: Any) -> types.Completion:
            return types.Completion(values=[])


def add_prompts(server: MCPServer[Any]) -> None:
    """Add prompts."""

    @server.prompt()
    def test_simple_prompt() -> str:
        """Say one thing."""
        return "This is a simple prompt for testing."

    @server.prompt()
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        """Repeat two words."""
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt()
    def test_prompt_with_embedded_resource(resourceUri: str) -> list[Message]:  # noqa: N803  the suite's own name
        """Hand a resource over."""
        return [
            UserMessage(resource(resourceUri, "text/plain", "Embedded resource content for testing.")),
            UserMessage(text("Please process the embedded resource above.")),
        ]

    @server.prompt()
    def test_prompt_with_image() -> list[Message]:
        """Hand a picture over."""
        return [UserMessage(image()), UserMessage(text("Please analyze the image above."))]

    @server.prompt()
    async def test_input_required_result_prompt(ctx: Ctx) -> list[Message] | types.InputRequiredResult:
        """Ask for a context first."""
        if not answered(ctx, "user_context"):
            return wanted(user_context=form("What context should the prompt use?", context="string"))
        return [UserMessage(text(f"Use this: {ctx.input_responses['user_context'].content['context']}"))]


async def main() -> None:
    settings = Settings(server={"port": 0})
    server = create_server(settings, FakeAssistant())
    for add in (add_contents, add_messages, add_requests, add_rounds, add_more_rounds, add_prompts, add_resources):
        add(server)
    app = transports.http_app(server, settings.server, "http")
    with transports.bind(settings.server) as bound:
        print(f"http://127.0.0.1:{bound.getsockname()[1]}/mcp", flush=True)  # noqa: T201
        await http_server.serve(app, bound)


if __name__ == "__main__":
    asyncio.run(main())
