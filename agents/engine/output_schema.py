"""The JSON that an answer must be: its schema, its longest form, and the check of what came back."""

import json
import re
from typing import Any, TypeAlias, cast

from pydantic import ValidationError
from pydantic.config import JsonDict

from agents.engine.engine import ResultT, Task
from agents.engine.tasks.answering import Verdict
from agents.engine.tasks.decisions import NextStep, NextStepResult
from agents.engine.tasks.reading import Reduce
from agents.schema import Frozen

Json: TypeAlias = Any
"""A JSON value of any form."""

CHARACTERS_PER_TOKEN = 2
"""Of free text, at the least: English has about 4, scripts without spaces 1 to 2."""

_BOUND = re.compile(r"\{(\d+),(\d+)\}\$$")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_LONGEST_NUMBER = 20
_LONGEST_TEXT = 200
_DROPPED = {"title", "description", "default", "$defs"}


class InvalidAnswerError(ValueError):
    """What came back is not the JSON that was asked for."""


def schema(task: Task[ResultT]) -> JsonDict:
    """Return the JSON schema of a task's result: every field required, everything bounded, nothing referenced.

    Bounds of texts are sent as lengths: xgrammar 0.2.7 and 0.2.8 fail on a pattern that repeats more than 128
    times, and need seconds to compile thousands. A length lets control characters through; `parse` takes them out.
    """
    if isinstance(task, NextStep):
        return task.decision_schema()
    full = task.result_type().model_json_schema()
    tight = cast("dict[str, Any]", _flatten(full, full.get("$defs", {})))
    if isinstance(task, Verdict):
        tight["properties"]["verdicts"] |= {"minItems": len(task.claims), "maxItems": len(task.claims)}
    if isinstance(task, Reduce):
        sources = tight["properties"]["points"]["items"]["properties"]["sources"]
        sources["items"] |= {"minimum": 1, "maximum": max(1, len(task.points))}
    return tight


def _flatten(node: Json, definitions: dict[str, Any]) -> Json:
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


def longest_tokens(node: Json) -> int:
    """Return how many tokens the longest answer that fits a schema can take.

    What the schema spells out counts one token a character; free text CHARACTERS_PER_TOKEN.
    """
    if "anyOf" in node:
        return max(longest_tokens(choice) for choice in node["anyOf"])
    if "enum" in node:
        return max(len(json.dumps(value)) for value in node["enum"])
    if "const" in node:
        return len(json.dumps(node["const"]))
    match node.get("type"):
        case "object":
            fields = node["properties"].items()
            return 2 + sum(len(name) + 4 + longest_tokens(field) for name, field in fields)
        case "array":
            return 2 + node.get("maxItems", 1) * (1 + longest_tokens(node["items"]))
        case "string":
            return 2 + -(-node.get("maxLength", _LONGEST_TEXT) // CHARACTERS_PER_TOKEN)
        case "integer":
            return len(str(node.get("maximum", 10**_LONGEST_NUMBER)))
        case _:
            return _LONGEST_NUMBER


def shorter(node: Json, divisor: int = 3) -> Json:
    """Return a schema whose texts and lists are bounded to a part of what they were."""
    if isinstance(node, list):
        return [shorter(item, divisor) for item in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    smaller = {key: shorter(value, divisor) for key, value in cast("dict[str, Any]", node).items()}
    if isinstance(length := smaller.get("maxLength"), int):
        smaller["maxLength"] = max(smaller.get("minLength", 0), 1, length // divisor)
    if isinstance(most := smaller.get("maxItems"), int):
        smaller["maxItems"] = max(smaller.get("minItems", 0), 1, most // divisor)
    return smaller


def form(node: Json) -> str:
    """Return a schema as a model understands it best: the JSON itself with placeholders."""
    if "anyOf" in node:
        return " or ".join(form(choice) for choice in node["anyOf"])
    if "enum" in node:
        return "|".join(json.dumps(value, ensure_ascii=False) for value in node["enum"])
    match node.get("type"):
        case "object":
            return "{" + ", ".join(f'"{name}": {form(field)}' for name, field in node["properties"].items()) + "}"
        case "array":
            return f"[{form(node['items'])}, ...]"
        case "boolean":
            return "true|false"
        case "integer" | "number":
            return "number"
        case _:
            return '"text"'


def parse(task: Task[ResultT], text: str) -> ResultT:
    """Read an answer; a fence or a word around the JSON, as unconstrained models add, is stripped.

    Raises:
        InvalidAnswerError: It is not JSON, does not fit the result, or does not fit the task.
    """
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        raise InvalidAnswerError("there is no JSON object in it")
    try:
        result = task.result_type().model_validate(_clean(json.loads(text[start : end + 1], strict=False)))
    except json.JSONDecodeError as error:
        raise InvalidAnswerError(f"it is not JSON: {error.msg}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the object"
        raise InvalidAnswerError(f"{where}: {first['msg']}") from error
    _check(task, result)
    return result


def _clean(node: Json) -> Json:
    """Take out control characters and halves of characters, which no document or database should be given."""
    if isinstance(node, str):
        return _CONTROL.sub(" ", node)
    if isinstance(node, list):
        return [_clean(item) for item in cast("list[Any]", node)]
    if isinstance(node, dict):
        return {key: _clean(value) for key, value in cast("dict[str, Any]", node).items()}
    return node


def _check(task: Task[ResultT], result: Frozen) -> None:
    if isinstance(task, Verdict) and len(getattr(result, "verdicts", ())) != len(task.claims):
        raise InvalidAnswerError(f"it must give exactly {len(task.claims)} verdicts")
    if isinstance(task, NextStep) and isinstance(result, NextStepResult):
        _check_step(task, result)
    if isinstance(task, Reduce):
        numbers = {number for point in getattr(result, "points", ()) for number in point.sources}
        if numbers - set(range(1, len(task.points) + 1)):
            raise InvalidAnswerError(f"sources must be numbers from 1 to {len(task.points)}")


def _check_step(task: NextStep, result: NextStepResult) -> None:
    if bool(result.next) == (result.finish is not None):
        raise InvalidAnswerError("it must either name who is next or finish")
    if set(result.next) - set(task.allowed) or (result.finish and result.finish not in task.may_finish):
        raise InvalidAnswerError("it names an agent that is not offered")
