"""What fits into the engine's context: the documents first, then as much of the conversation as they leave room for.

Tokens are counted by the engine. Where a document fills the context, the answer may be as short as MIN_ANSWER_TOKENS.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agents.engine import output_schema, prompt_layout
from agents.engine.engine import Task
from agents.engine.tasks.answering import Draft
from agents.engine.tasks.decisions import StandaloneQuestion
from agents.schema import Document
from agents.supervisor.run import Run

MIN_ANSWER_TOKENS = 512
_UNCUT_SHARE = 0.99
"""Tokens of a text in one piece, as a share of its tokens counted passage by passage, at the least."""
_HISTORY_STEP = 1_024
"""The history's budget is rounded down to a multiple of this: a longer question must not move where it begins."""


def fits_one_pass(run: Run, task: Task[Any], documents: Sequence[Document]) -> bool:
    """Whether whole documents fit into one prompt with a task, and into the settings' reading window.

    Args:
        run: Knows the documents' token counts.
        task: What would be asked about them; its own evidence does not count.
        documents: The run's, or some of them.
    """
    tokens = sum(sum(run.texts.tokens[document.document_id]) for document in documents)
    if tokens > run.settings.window_tokens:
        return False
    left = free_tokens(run, task, documents)
    if left is None or tokens <= left - MIN_ANSWER_TOKENS:
        return left is not None
    nearly = _UNCUT_SHARE * tokens <= left - MIN_ANSWER_TOKENS
    return nearly and sum(run.engine.count_tokens(each.text) for each in documents) <= left - MIN_ANSWER_TOKENS


def evidence_fits(run: Run, task: Task[Any]) -> bool:
    """Whether a task with its evidence fits the engine's context; always, for an engine without one."""
    left = free_tokens(run, task, run.request.documents)
    return left is None or left - run.texts.tokens_of(task.evidence) >= MIN_ANSWER_TOKENS


def free_tokens(run: Run, task: Task[Any], documents: Sequence[Document] = ()) -> int | None:
    """Return the tokens that a task leaves for documents and the answer; None for an engine without a context."""
    context = run.engine.info.context_tokens
    if context is None:
        return None
    first = (run.texts.passages[document.document_id][:1] for document in documents)
    fences = tuple(passage.model_copy(update={"text": ""}) for passages in first for passage in passages)
    bare = task.model_copy(update={"evidence": fences})
    rendered = prompt_layout.messages(bare, output_schema.template(output_schema.schema(bare)))
    return context - prompt_layout.TEMPLATE_TOKENS - sum(run.engine.count_tokens(each["content"]) for each in rendered)


def fit_history(run: Run) -> Run:
    """Return the run with its conversation cut to fit prompts with the documents and prompts without.

    What was left out beside the documents is warned of.
    """
    request, count = run.request, run.engine.count_tokens
    history, documents, question = request.history, request.documents, request.question
    whole = history.as_text()
    answer, standalone = Draft(question=question), StandaloneQuestion(question=question)
    left, alone = free_tokens(run, answer, documents), free_tokens(run, standalone)
    if not whole or left is None or alone is None:
        return replace(run, history=whole, conversation=whole)
    read = run.texts.total_tokens if fits_one_pass(run, answer, documents) else run.window_tokens
    beside = _round_down(left - read - _max_result_tokens(answer))
    fitted = history.fitted(beside, count)
    if folded := len(history.turns) - len(fitted.turns):
        how = "behind a summary" if fitted.summary else "left out"
        run.warn(
            f"{folded} of {len(history.turns)} turns of the conversation are {how}: the documents leave it "
            f"{max(0, beside):,} tokens of the engine's context."
        )
    conversation = history.fitted(_round_down(alone - _max_result_tokens(standalone)), count).as_text()
    return replace(run, history=fitted.as_text(), conversation=conversation)


def _round_down(tokens: int) -> int:
    return tokens // _HISTORY_STEP * _HISTORY_STEP if tokens > _HISTORY_STEP else tokens


def _max_result_tokens(task: Task[Any]) -> int:
    return output_schema.max_answer_tokens(output_schema.schema(task))
