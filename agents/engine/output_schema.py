"""The JSON that an answer must be: its schema, its longest form, and parsing what came back."""

import json
import re
from typing import Any, TypeAlias, cast

from pydantic import ValidationError
from pydantic.config import JsonDict

from agents.engine.engine import InvalidAnswerError, ResultT, Task

Json: TypeAlias = Any
"""A JSON value of any form."""

CHARACTERS_PER_TOKEN = 2
"""Of free text, at the least: English has about 4, scripts without spaces 1 to 2."""

_BOUND = re.compile(r"\{(\d+),(\d+)\}\$$")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_MAX_DIGITS = 20
_UNBOUNDED_TEXT = 200
_DROPPED = {"title", "description", "default", "$defs"}


def schema(task: Task[ResultT]) -> JsonDict:
    """Return the JSON schema of a task's result: every field required, everything bounded, nothing referenced.

    Bounds of texts are sent as lengths: xgrammar 0.2.7 and 0.2.8 fail on a pattern that repeats more than 128
    times, and need seconds to compile thousands. A length lets control characters through; `parse` takes them out.
    """
    full = task.result_type().model_json_schema()
    return task.narrow_schema(_flatten(full, full.get("$defs", {})))


def _flatten(node: Json, definitions: dict[str, Any]) -> Json:
    """Resolve references and turn the patterns of `bounded` into lengths."""
    if isinstance(node, list):
        return [_flatten(item, definitions) for item in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    source = cast("dict[str, Any]", node)
    if "$ref" in source:
        return _flatten(definitions[str(source["$ref"]).rpartition("/")[2]], definitions)
    flat: dict[str, Any] = {}
    for key, value in source.items():
        if key == "properties":
            flat[key] = {name: _flatten(field, definitions) for name, field in value.items()}
            flat["required"] = list(value)
        elif key == "pattern" and (bound := _BOUND.search(value)):
            flat |= {"minLength": int(bound[1]), "maxLength": int(bound[2])}
        elif key not in _DROPPED and key != "required":
            flat[key] = _flatten(value, definitions)
    return flat


def max_answer_tokens(node: Json) -> int:
    """Return how many tokens the longest answer that fits a schema can take.

    What the schema spells out counts one token a character; free text CHARACTERS_PER_TOKEN.
    """
    if "anyOf" in node:
        return max(max_answer_tokens(choice) for choice in node["anyOf"])
    if "enum" in node:
        return max(len(json.dumps(value)) for value in node["enum"])
    if "const" in node:
        return len(json.dumps(node["const"]))
    match node.get("type"):
        case "object":
            fields = node["properties"].items()
            return 2 + sum(len(name) + 4 + max_answer_tokens(field) for name, field in fields)
        case "array":
            return 2 + node.get("maxItems", 1) * (1 + max_answer_tokens(node["items"]))
        case "string":
            return 2 + -(-node.get("maxLength", _UNBOUNDED_TEXT) // CHARACTERS_PER_TOKEN)
        case "integer":
            return len(str(node.get("maximum", 10**_MAX_DIGITS)))
        case _:
            return _MAX_DIGITS


def tightened(node: Json, divisor: int = 3) -> Json:
    """Return a schema whose texts and lists may be only a part as long."""
    if isinstance(node, list):
        return [tightened(item, divisor) for item in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    smaller = {key: tightened(value, divisor) for key, value in cast("dict[str, Any]", node).items()}
    if isinstance(length := smaller.get("maxLength"), int):
        smaller["maxLength"] = max(smaller.get("minLength", 0), 1, length // divisor)
    if isinstance(most := smaller.get("maxItems"), int):
        smaller["maxItems"] = max(smaller.get("minItems", 0), 1, most // divisor)
    return smaller


def without_lengths(node: Json) -> Json:
    """Return a schema whose texts may be of any length, as a server decodes them fastest.

    A bounded text is counted character by character: guidance 1.7 then takes 0.19 ms for the mask of one token of a
    draft, and 0.01 ms where no text is bounded, one stream after another (benchmarks/results/schema_decoding_*.json).
    """
    if isinstance(node, list):
        return [without_lengths(item) for item in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    return {name: without_lengths(value) for name, value in cast("dict[str, Any]", node).items() if name != "maxLength"}


def template(node: Json) -> str:
    """Return a schema in the form that models follow best: the JSON itself with placeholders."""
    if "anyOf" in node:
        return " or ".join(template(choice) for choice in node["anyOf"])
    if "enum" in node:
        return "|".join(json.dumps(value, ensure_ascii=False) for value in node["enum"])
    match node.get("type"):
        case "object":
            return "{" + ", ".join(f'"{name}": {template(field)}' for name, field in node["properties"].items()) + "}"
        case "array":
            return f"[{template(node['items'])}, ...]"
        case "boolean":
            return "true|false"
        case "integer" | "number":
            return "number"
        case _:
            return '"..."'


def parse_lines(task: Task[ResultT], text: str) -> ResultT:
    """Parse an answer that was asked for line by line; a model may give JSON all the same.

    Raises:
        InvalidAnswerError: It has neither form, or does not fit the task.
    """
    if text.lstrip().startswith(("{", "```")):
        return parse(task, text)
    return _validated(task, task.read_lines(text))


def parse(task: Task[ResultT], text: str) -> ResultT:
    """Parse an answer; a fence or words around the JSON, as unconstrained models add, are stripped.

    Raises:
        InvalidAnswerError: It is not JSON, does not fit the result type, or does not fit the task.
    """
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        raise InvalidAnswerError("there is no JSON object in it")
    try:
        answer = json.loads(text[start : end + 1], strict=False)
    except json.JSONDecodeError as error:
        raise InvalidAnswerError(f"it is not JSON: {error.msg}") from error
    return _validated(task, answer)


def _validated(task: Task[ResultT], answer: Json) -> ResultT:
    try:
        result = task.result_type().model_validate(_shortened(_clean(answer), schema(task)))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the object"
        raise InvalidAnswerError(f"{where}: {first['msg']}") from error
    task.check(result)
    return result


def _shortened(value: Json, node: Json) -> Json:
    """Cut an answer's texts to the lengths of its schema, at a word's end: decoding may not have been held to them."""
    if isinstance(value, str):
        most: int = node.get("maxLength", len(value))
        return value if len(value) <= most else value[:most].rpartition(" ")[0] or value[:most]
    if isinstance(value, list):
        return [_shortened(item, node.get("items", {})) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value).items()
        return {name: _shortened(field, node.get("properties", {}).get(name, {})) for name, field in fields}
    return value


def _clean(node: Json) -> Json:
    """Replace control characters and lone surrogates, which no document or database should be given."""
    if isinstance(node, str):
        return _CONTROL.sub(" ", node)
    if isinstance(node, list):
        return [_clean(item) for item in cast("list[Any]", node)]
    if isinstance(node, dict):
        return {key: _clean(value) for key, value in cast("dict[str, Any]", node).items()}
    return node
