"""What the engine's context holds: the documents first, then as much of the conversation as they leave room for.

Everything is counted as the engine counts it. The answer comes last: where a document fills the context, it may be as
short as LEAST_ANSWER_TOKENS.
"""

from collections.abc import Sequence
from typing import Any

from agents.engine import output_schema, prompt_layout
from agents.engine.engine import Task
from agents.engine.tasks.answering import Draft
from agents.engine.tasks.decisions import StandaloneQuestion
from agents.schema import Document, Passage
from agents.supervisor.run import Run

LEAST_ANSWER_TOKENS = 512
_IN_ONE_PIECE = 0.99
_HISTORY_STEP = 1_024
"""Room for the history is rounded down to this: a longer question must not move the history's beginning."""


def fits_one_pass(run: Run, task: Task[Any], documents: Sequence[Document]) -> bool:
    """Whether whole documents fit into one prompt with a task, and into the window that the settings allow.

    Args:
        run: Holds the documents' token counts.
        task: What would be asked about them; its own evidence does not count.
        documents: Of the run.
    """
    tokens = sum(sum(run.tokens[document.document_id]) for document in documents)
    if tokens > run.settings.window_tokens:
        return False
    left = room(run, task, documents)
    if left is None or tokens <= left - LEAST_ANSWER_TOKENS:
        return left is not None
    # Counted passage by passage a text comes to a little more than in one piece.
    nearly = _IN_ONE_PIECE * tokens <= left - LEAST_ANSWER_TOKENS
    return nearly and sum(run.engine.count_tokens(each.text) for each in documents) <= left - LEAST_ANSWER_TOKENS


def evidence_fits(run: Run, task: Task[Any]) -> bool:
    """Whether a task fits the engine's context with its evidence, or the engine has none."""
    left = room(run, task, run.request.documents)
    return left is None or left - tokens_of(run, task.evidence) >= LEAST_ANSWER_TOKENS


def tokens_of(run: Run, passages: Sequence[Passage]) -> int:
    """Return the tokens of passages."""
    return sum(run.tokens[passage.document_id][passage.index] for passage in passages)


def room(run: Run, task: Task[Any], documents: Sequence[Document] = ()) -> int | None:
    """Return the tokens that a task leaves for the text of documents and the answer; None without a context."""
    context = run.engine.info.context_tokens
    if context is None:
        return None
    first = (run.passages[document.document_id][:1] for document in documents)
    fences = tuple(passage.model_copy(update={"text": ""}) for passages in first for passage in passages)
    bare = task.model_copy(update={"evidence": fences})
    rendered = prompt_layout.messages(bare, output_schema.template(output_schema.schema(bare)))
    return context - prompt_layout.TEMPLATE_TOKENS - sum(run.engine.count_tokens(each["content"]) for each in rendered)


def fit_history(run: Run) -> None:
    """Lay out the conversation for tasks with the documents and for those without; say what was left out."""
    history, documents = run.request.history, run.request.documents
    run.history = run.conversation = history.as_text()
    if not run.history:
        return
    answer, condense = Draft(question=run.request.question), StandaloneQuestion(question=run.request.question)
    left, alone = room(run, answer, documents), room(run, condense)
    if left is None or alone is None:
        return
    read = run.total_tokens if fits_one_pass(run, answer, documents) else run.window_tokens
    beside = _rounded(left - read - _longest(answer))
    fitted = history.fitted(beside, run.engine.count_tokens)
    run.history = fitted.as_text()
    run.conversation = history.fitted(_rounded(alone - _longest(condense)), run.engine.count_tokens).as_text()
    if folded := len(history.turns) - len(fitted.turns):
        how = "behind a summary" if fitted.summary else "left out"
        run.warnings.append(
            f"{folded} of {len(history.turns)} turns of the conversation are {how}: the documents leave it "
            f"{max(0, beside):,} tokens of the engine's context."
        )


def _rounded(tokens: int) -> int:
    return tokens // _HISTORY_STEP * _HISTORY_STEP if tokens > _HISTORY_STEP else tokens


def _longest(task: Task[Any]) -> int:
    return output_schema.max_answer_tokens(output_schema.schema(task))
