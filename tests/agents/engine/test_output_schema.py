"""Schemas of answers, and the check of what came back."""

import json
from typing import Any

import pytest

from agents.engine import output_schema
from agents.engine.engine import InvalidAnswerError, Task
from agents.engine.tasks.answering import Draft, Quotes, RewriteAnswer
from agents.engine.tasks.decisions import NextStep, Plan, Route, StandaloneQuestion
from agents.engine.tasks.reading import Overview, PointToReduce, Reduce, UpdateSummary, WindowNotes
from tests.support.fake_vllm import instance

TASKS: tuple[Task[Any], ...] = (
    Route(),
    Plan(),
    NextStep(allowed=("retrieval", "planner"), may_finish=("synthesis",), parallel=2, state="nothing yet"),
    NextStep(allowed=(), may_finish=("synthesis",), state="all done"),
    StandaloneQuestion(),
    Draft(),
    RewriteAnswer(message="It is [1]."),
    WindowNotes(mode="summary"),
    Overview(titles=("T",), points=("It is.",)),
    Reduce(points=(PointToReduce(document="d", text="x"),) * 5),
    UpdateSummary(turns=("Q: a\nA: b",)),
)
by_name = pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)


def nodes(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for item in node for found in nodes(item)]
    if not isinstance(node, dict):
        return []
    return [node, *(found for value in node.values() for found in nodes(value))]


@by_name
def test_a_schema_bounds_everything_and_refers_to_nothing(task: Task[Any]) -> None:
    for node in nodes(output_schema.schema(task)):
        assert "$ref" not in node
        if node.get("type") == "array":
            assert "maxItems" in node
        if node.get("type") == "string" and "enum" not in node:
            assert "maxLength" in node
        if node.get("type") == "object":
            assert node["required"] == list(node["properties"])


@by_name
def test_the_shortest_value_of_a_schema_is_a_valid_answer(task: Task[Any]) -> None:
    value = instance(output_schema.schema(task))
    assert output_schema.parse(task, json.dumps(value))
    assert output_schema.parse(task, json.dumps(instance(output_schema.tightened(output_schema.schema(task)))))


@by_name
def test_a_shorter_schema_is_shorter_wherever_it_can_be(task: Task[Any]) -> None:
    schema = output_schema.schema(task)
    assert output_schema.max_answer_tokens(output_schema.tightened(schema)) <= output_schema.max_answer_tokens(schema)


@by_name
def test_a_model_is_shown_every_field_of_the_answer(task: Task[Any]) -> None:
    shown = output_schema.template(output_schema.schema(task))
    for node in nodes(output_schema.schema(task)):
        for name in node.get("properties", {}):
            assert f'"{name}"' in shown


def test_the_longest_answer_takes_what_its_bounds_take() -> None:
    schema: Any = output_schema.schema(UpdateSummary(turns=("Q: a\nA: b",)))
    bound = schema["properties"]["summary"]["maxLength"]
    tokens = bound // output_schema.CHARACTERS_PER_TOKEN
    assert tokens < output_schema.max_answer_tokens(schema) < tokens + 30


def test_a_model_is_asked_for_the_answer_alone() -> None:
    assert output_schema.template(output_schema.schema(Draft())) == '{"answer": "..."}'


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "no JSON object"),
        ("none {of} this", "not JSON"),
        ('{"quotes": []}', "quotes"),
        ('{"quotes": ["a", "b", "c", "d"]}', "quotes"),
        ('{"quotes": ["it is", 3]}', "quotes.1"),
        ("{}", "quotes"),
        ('{"quotes": ["it is"], "because": 1}', "because"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(answer: str, reason: str) -> None:
    with pytest.raises(InvalidAnswerError, match=reason):
        output_schema.parse(Quotes(answer="It is."), answer)


@pytest.mark.parametrize(
    "answer", ['{"next": ["nobody"]}', '{"finish": "planner"}', "{}", '{"next": [], "finish": null}']
)
def test_a_step_must_be_one_of_those_offered(answer: str) -> None:
    with pytest.raises(InvalidAnswerError):
        output_schema.parse(NextStep(allowed=("retrieval",), may_finish=("synthesis",), state="s"), answer)


def test_a_reduction_rests_on_points_that_exist() -> None:
    task = Reduce(points=(PointToReduce(document="d", text="x"),) * 2)
    answer = {"points": [{"section": "s", "text": "t", "sources": [3]}]}
    with pytest.raises(InvalidAnswerError, match="from 1 to 2"):
        output_schema.parse(task, json.dumps(answer))


def test_an_answer_that_was_not_held_to_a_length_is_cut_to_it_between_words() -> None:
    result = output_schema.parse(Draft(), json.dumps({"answer": "word " * 200}))
    assert result.answer == ("word " * 120).rstrip()
    assert output_schema.parse(Draft(), json.dumps({"answer": "x" * 700})).answer == "x" * 600


def test_control_characters_and_halves_of_characters_are_taken_out() -> None:
    task = RewriteAnswer(message="It is [1].")
    result = output_schema.parse(task, '{"markdown": "a\x01b\\u0000c\\ud800d\te\\nf"}')
    assert result.markdown == "a b c d\te\nf"
