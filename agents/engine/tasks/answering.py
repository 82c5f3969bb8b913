"""Answering a question, and judging the answer."""

from typing import Any, ClassVar, cast

from pydantic import Field
from pydantic.config import JsonDict
from typing_extensions import override

from agents.engine.engine import InvalidAnswerError, Task, bounded
from agents.schema import Frozen, Support

MAX_CLAIMS = 8
"""In one draft."""


class DraftClaim(Frozen):
    """One statement and the words of the document that it rests on."""

    text: str = Field(json_schema_extra=bounded(400))
    quotes: tuple[str, ...] = Field(
        min_length=1, max_length=3, json_schema_extra={"items": {"type": "string", **bounded(400)}}
    )


class DraftResult(Frozen):
    """An answer as claims, or the finding that the text does not say."""

    claims: tuple[DraftClaim, ...] = Field(default=(), max_length=MAX_CLAIMS)
    not_found: bool = False


class Finding(Frozen):
    """What was found for one part of the question."""

    question: str
    claims: tuple[DraftClaim, ...] = Field(description="Empty where the text does not answer it.")

    def as_text(self) -> str:
        """Return the finding as a prompt shows it."""
        lines = [f"- {claim.text} (quote: {'; '.join(claim.quotes)})" for claim in self.claims]
        return "\n".join([self.question, *(lines or ["- nothing found"])])


class Draft(Task[DraftResult]):
    """Answer the question from the evidence, and from the findings for its parts where it was planned."""

    role: ClassVar[str] = "synthesis"
    max_tokens: ClassVar[int] = 1_536
    prose: ClassVar[bool] = True

    findings: tuple[Finding, ...] = ()

    @override
    def instruction(self) -> str:
        return (
            "Answer the question from the document text above and from nothing else. Write one to six claims, the "
            "direct answer first. Under each claim give one to three quotes of 5 to 60 words, copied word for word "
            "from the text. If the text does not answer the question, give no claims and set not_found to true.\n"
            f"Write in {self.language or 'the language of the question'}.\n"
            'Example of a claim: {"text": "The pump is checked every 14 days.", "quotes": '
            '["the feed pump shall be checked at intervals of 14 days"]}'
        )

    @override
    def results(self) -> str:
        found = "\n".join(finding.as_text() for finding in self.findings)
        return f"Found so far for its parts:\n{found}" if found else ""


class ClaimToJudge(Frozen):
    """A claim and its located quotes."""

    text: str
    quotes: tuple[str, ...]


class VerdictResult(Frozen):
    """One judgement for each claim, in their order."""

    verdicts: tuple[Support, ...]


class Verdict(Task[VerdictResult]):
    """Judge whether quotes support their claims."""

    role: ClassVar[str] = "validation"
    max_tokens: ClassVar[int] = 128

    claims: tuple[ClaimToJudge, ...]

    @override
    def instruction(self) -> str:
        listed = "\n".join(
            f"{number}. {claim.text}\n" + "\n".join(f"   quote: {quote}" for quote in claim.quotes)
            for number, claim in enumerate(self.claims, 1)
        )
        return (
            "For each claim decide from its quotes alone: supported (they say all of it), partly (they say some of "
            "it), not (they do not say it, or say otherwise). "
            f"Give {len(self.claims)} verdicts in this order.\n{listed}"
        )

    @override
    def narrow_schema(self, schema: JsonDict) -> JsonDict:
        count = len(self.claims)
        cast("Any", schema)["properties"]["verdicts"] |= {"minItems": count, "maxItems": count}
        return schema

    @override
    def check(self, result: VerdictResult) -> None:
        if len(result.verdicts) != len(self.claims):
            raise InvalidAnswerError(f"it must give exactly {len(self.claims)} verdicts")


class ReviseResult(Frozen):
    """A claim in other words."""

    text: str = Field(json_schema_extra=bounded(400))


class Revise(Task[ReviseResult]):
    """Rewrite a claim so that it says no more than its quotes."""

    role: ClassVar[str] = "synthesis"
    max_tokens: ClassVar[int] = 200

    claim: ClaimToJudge

    @override
    def instruction(self) -> str:
        quotes = "\n".join(f"quote: {quote}" for quote in self.claim.quotes)
        return f"Rewrite this claim so that it says only what its quotes say.\nclaim: {self.claim.text}\n{quotes}"


class RewriteAnswerResult(Frozen):
    """The final message."""

    markdown: str = Field(json_schema_extra=bounded(4_000))


class RewriteAnswer(Task[RewriteAnswerResult]):
    """Write the final message from an agent's; set only when messages are not forwarded."""

    role: ClassVar[str] = "supervisor"
    max_tokens: ClassVar[int] = 1_536
    prose: ClassVar[bool] = True

    message: str

    @override
    def instruction(self) -> str:
        return (
            "Write the final answer from this message. Keep every mark such as [1] behind its statement and add "
            f"nothing.\n{self.message}"
        )
