"""Arguments of tools: what does not fit a tool's schema is said in plain words, with what to give instead.

The SDK would answer with pydantic's messages, which name types and link to pydantic's pages, and would ignore arguments
that a tool does not have.
"""

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp_types import CallToolResult, InputRequiredResult, Tool
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from typing_extensions import override

from agents.escaping import as_markdown
from mcp_server.unreadable import AnsweringServer

Schema = Mapping[str, Any]
"""A JSON schema."""
_MAX_SHOWN = 80
"""Characters of a wrong value."""


class PlainSpokenServer(AnsweringServer):
    """A server whose tools refuse wrong and unknown arguments in plain words."""

    @override
    async def list_tools(self) -> list[Tool]:
        """Return the tools; their schemas say that other arguments are refused."""
        return [
            tool.model_copy(update={"input_schema": {"additionalProperties": False, **tool.input_schema}})
            for tool in await super().list_tools()
        ]

    @override
    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool by name.

        Raises:
            ToolError: There is no such tool, it does not take these arguments, or it has failed.
        """
        schema = next((tool.input_schema for tool in await self.list_tools() if tool.name == name), None)
        if schema and (unknown := _unknown(arguments, schema)):
            raise ToolError(_refusal(name, unknown))
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            cause = error.__cause__
            if schema is None:
                raise ToolError(as_markdown(str(error))) from cause
            if not isinstance(cause, ValidationError) or isinstance(error, UnexpectedToolError):
                raise
            # The SDK logs the names of the arguments alone where a ValidationError is the cause.
            raise ToolError(_refusal(name, explain(cause, schema))) from cause


def explain(error: ValidationError, schema: Schema) -> list[str]:
    """Return a sentence for each argument that does not fit.

    Args:
        error: What pydantic finds wrong with the arguments.
        schema: Of the tool's arguments.
    """
    found: dict[tuple[str, int | None], str] = {}
    for each in error.errors(include_url=False):
        name, *inside = each["loc"]
        item = next((place for place in inside if isinstance(place, int)), None)
        # Of the alternatives of one argument, pydantic reports each.
        found.setdefault((str(name), item), _sentence(each, str(name), item, schema))
    return list(found.values())


def _sentence(error: ErrorDetails, name: str, item: int | None, schema: Schema) -> str:
    wanted: Schema = schema.get("properties", {}).get(name, {})
    if error["type"] == "missing":
        return f"`{name}` is missing. Give {expected(wanted)}: {wanted.get('description', name)}"
    if error["type"] == "value_error":
        return f"`{name}`: {error.get('ctx', {}).get('error', error['msg'])}"
    if item is None:
        return f"`{name}` is {_shown(error['input'])}, but must be {expected(wanted)}."
    return f"Item {item + 1} of `{name}` is {_shown(error['input'])}, but must be {expected(_items(wanted))}."


def expected(schema: Schema) -> str:
    """Return what a schema accepts, in words: "a whole number of at least 1,024 or null"."""
    if alternatives := schema.get("anyOf"):
        # Bounds may stand beside the alternatives that they are of.
        bounds = {key: value for key, value in schema.items() if key != "anyOf"}
        return _either([expected({**bounds, **each}) for each in alternatives])
    if "enum" in schema:
        return _either([f"'{each}'" for each in schema["enum"]])
    match schema.get("type"):
        case "string":
            return f"a text{_bounds(schema, 'minLength', 'maxLength', ' characters')}"
        case "integer":
            return f"a whole number{_bounds(schema, 'minimum', 'maximum')}"
        case "number":
            return f"a number{_bounds(schema, 'minimum', 'maximum')}"
        case "boolean":
            return "true or false"
        case "array":
            return f"a list{_bounds(schema, 'minItems', 'maxItems', ' items')}, each {expected(_items(schema))}"
        case "null":
            return "null"
        case _:
            return "a value as the tool's schema describes it"


def _items(schema: Schema) -> Schema:
    """Return the schema of a list's items."""
    lists: list[Schema] = [each for each in (schema, *schema.get("anyOf", ())) if "items" in each]
    return lists[0]["items"] if lists else {}


def _bounds(schema: Schema, least: str, most: str, unit: str = "") -> str:
    low, high = schema.get(least), schema.get(most)
    if low is not None and high is not None:
        return f" from {low:,} to {high:,}" if not unit else f" of {low:,} to {high:,}{unit}"
    if low is not None:
        return f" of at least {low:,}{unit}"
    return f" of at most {high:,}{unit}" if high is not None else ""


def _either(alternatives: Sequence[str]) -> str:
    *others, last = alternatives
    return f"{', '.join(others)} or {last}" if others else last


def _unknown(arguments: Schema, schema: Schema) -> list[str]:
    """Return a sentence for each argument that the tool does not have, and one on those that it has; or none."""
    names = list(schema.get("properties", ()))
    unknown = [name for name in arguments if name not in names and schema.get("additionalProperties") is False]
    if not unknown:
        return []
    close = {name: difflib.get_close_matches(name, names, n=1) for name in unknown}
    said = [
        f"There is no argument `{name[:_MAX_SHOWN]}`{f': did you mean `{close[name][0]}`?' if close[name] else '.'}"
        for name in unknown
    ]
    return [*said, f"It takes {', '.join(f'`{name}`' for name in names) or 'none'}."]


def _shown(value: object) -> str:
    if isinstance(value, list) and value:
        return f"a list of {len(cast('list[object]', value)):,}"
    # Arguments came as JSON, or from a client in this process.
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}… ({len(text):,} characters)"


def _refusal(tool: str, sentences: Sequence[str]) -> str:
    # The caller's own words stand in it, which a document may have given the caller.
    return as_markdown(f"{tool} was not called. {' '.join(sentences)}")
