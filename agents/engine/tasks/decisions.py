"""Decisions: how a question is routed, its sub-questions, who works next, and what a follow-up asks."""

from typing import ClassVar, Literal, cast

from pydantic import Field
from pydantic.config import JsonDict, JsonValue
from typing_extensions import override

from agents.engine.engine import InvalidAnswerError, Task, bounded
from agents.schema import Frozen, RouteKind


class RouteResult(Frozen):
    """How a question is answered."""

    kind: RouteKind
    language: str = Field(default="", json_schema_extra=bounded(30))
    reason: str = Field(json_schema_extra=bounded(160))


class Route(Task[RouteResult]):
    """Decide how much work a question takes."""

    role: ClassVar[str] = "router"
    max_tokens: ClassVar[int] = 128

    @override
    def instruction(self) -> str:
        return (
            "Decide how to answer the question.\n"
            "simple: one fact or one place in the document answers it.\n"
            "complex: several facts must be found and put together, compared or ordered.\n"
            "whole_document: only reading everything answers it (a summary, an overview, all mentions of something).\n"
            "Name the language of the question, and give the reason in a few words.\n"
            'Example: "Who signed it, and when does it end?" is complex.'
        )


class PlanResult(Frozen):
    """The sub-questions of a question."""

    sub_questions: tuple[str, ...] = Field(
        min_length=1, max_length=3, json_schema_extra={"items": {"type": "string", **bounded(240)}}
    )
    order: Literal["parallel", "sequential"] = "parallel"


class Plan(Task[PlanResult]):
    """Cut a complex question into two or three sub-questions that stand alone."""

    role: ClassVar[str] = "planner"
    max_tokens: ClassVar[int] = 320

    @override
    def instruction(self) -> str:
        return (
            "Cut the question into two or three sub-questions. Each must make sense alone and ask for one thing "
            "that can be looked up. Say sequential only if one needs another's answer, else parallel.\n"
            'Example: "Is the 2023 limit higher than the 2021 one?" gives '
            '"What is the limit for 2023?" and "What is the limit for 2021?", parallel.'
        )


class NextStepResult(Frozen):
    """The supervisor's decision: agents to hand over to, or the agent whose message is the answer."""

    next: tuple[str, ...] = Field(default=(), max_length=3)
    finish: str | None = None


class NextStep(Task[NextStepResult]):
    """Decide which agents work next, among those that make sense in the present state."""

    role: ClassVar[str] = "supervisor"
    max_tokens: ClassVar[int] = 64

    allowed: tuple[str, ...] = Field(description="Agents that can do something useful now, the usual one first.")
    descriptions: dict[str, str] = Field(default={}, description="What allowed agents do, by name.")
    may_finish: tuple[str, ...] = Field(default=(), description="Agents whose last message can be the answer.")
    parallel: int = Field(default=1, description="How many hand-offs one decision may hold.")
    state: str = Field(description="What has been done so far, in one line.")

    @override
    def instruction(self) -> str:
        described = "".join(f"\n{name}: {text}" for name, text in self.descriptions.items())
        finish = f" Or finish with the message of: {', '.join(self.may_finish)}." if self.may_finish else ""
        return (
            f"You lead a team that answers the question. So far: {self.state}\n"
            f"Choose who works next: {', '.join(self.allowed)}.{finish}{described}"
        )

    @override
    def narrow_schema(self, schema: JsonDict) -> JsonDict:
        """Return the schema of a decision that holds only what is allowed now."""
        agents: JsonDict = {"type": "string", "enum": list(self.allowed)}
        finish: JsonDict = {"type": "string", "enum": list(self.may_finish)}
        next_agents: JsonDict = {"type": "array", "minItems": 1, "maxItems": max(1, self.parallel), "items": agents}
        offered = {"next": next_agents} if self.allowed else {}
        offered |= {"finish": finish} if self.may_finish else {}
        choices: list[JsonValue] = [
            {"type": "object", "properties": {name: value}, "required": [name], "additionalProperties": False}
            for name, value in offered.items()
        ]
        return cast("JsonDict", choices[0]) if len(choices) == 1 else {"anyOf": choices}

    @override
    def check(self, result: NextStepResult) -> None:
        if bool(result.next) == (result.finish is not None):
            raise InvalidAnswerError("it must either name who is next or finish")
        if set(result.next) - set(self.allowed) or (result.finish and result.finish not in self.may_finish):
            raise InvalidAnswerError("it names an agent that is not offered")


class StandaloneQuestionResult(Frozen):
    """A question that makes sense without the conversation."""

    question: str = Field(json_schema_extra=bounded(500))


class StandaloneQuestion(Task[StandaloneQuestionResult]):
    """Make a follow-up question self-contained from the history."""

    role: ClassVar[str] = "router"
    max_tokens: ClassVar[int] = 200

    @override
    def instruction(self) -> str:
        return (
            "Rewrite the question so that it makes sense without the conversation: replace words like it, she, "
            "that or the second one by what they stand for. Change nothing else. "
            "If it makes sense already, repeat it as it is.\n"
            'Example: after "When was the pump replaced?", "And who did it?" becomes "Who replaced the pump?"'
        )
