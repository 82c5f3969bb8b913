# ruff: noqa: ANN401
"""Whether a model knows better than the rules which source answers a question, by what it finds likely.

    python -m benchmarks.quality.likelihood --set FOLDER --told FILE [--replies FILE] [--closest 70] [--sources 3]

Asks the model (READROOM_ENGINE__BASE_URL, a vLLM: others tell no probabilities of a prompt) about the best sources by
the rules, each the best sentence of its page, and keeps what it tells in the file; where that is there already, no
model is needed. Prints how often the first source is on a gold page by the rules, by the model, and by both.

question   how likely the question is behind the sentence and those beside it (UPR: Sachan et al. 2022)
passage    the same behind the whole passage
answer     how likely the model's answer is behind the question and the passage; with the replies of fit_answers
beside     the same behind the sentence and those beside it
yes        the log odds that the passage contains the answer
number     how likely its number is as the best of a list, over both orders (FIRST: Reddy et al. 2024)
cited      the same as the source of the model's answer
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from agents.documents.library import Library
from agents.engine.extractive.weights import ANSWER_WEIGHT, MEASURES
from agents.engine.openai.endpoint import Endpoint, find_endpoint
from agents.engine.openai.engine import OpenAIEngine
from agents.engine.prompt_layout import SYSTEM, messages
from agents.engine.tasks.answering import Answerable, Draft
from agents.schema import Passage
from agents.settings import DocumentsSettings, load_settings
from benchmarks.quality.fit_answers import read_told
from benchmarks.quality.fit_ranking import FOLDS, Case, read
from benchmarks.quality.prompts import ask_all
from benchmarks.quality.questions import load

MOST_SOURCES = 9
"""Whose numbers are one token each."""
WEIGHTS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Of what the model finds likely, a natural logarithm, beside the rules' score."""

Told = dict[str, dict[str, list[float]]]
"""By question and by measure: what the model tells of each source."""


@dataclass(frozen=True)
class Asked:
    """A question with its best sources by the rules, best first."""

    case: Case
    answer: str
    places: tuple[int, ...]
    """Of the sources' sentences, among all of the document's."""
    scores: Any

    @property
    def margin(self) -> float:
        """How much better the best source is than the second best."""
        return float(self.scores[0] - self.scores[1])

    @property
    def gold(self) -> Any:
        """Which sources are on a gold page."""
        return np.isin(self.case.places[list(self.places)], list(self.case.right))

    def passages(self) -> list[Passage]:
        """Return each source's passage."""
        return [self.case.index.passages[self.case.index.spans[place][0]] for place in self.places]

    def sentences(self) -> list[Passage]:
        """Return each source's passage, cut to the sentence and those beside it."""
        spans = self.case.index.spans
        cut: list[Passage] = []
        for place, passage in zip(self.places, self.passages(), strict=True):
            beside = [span for span in spans[max(0, place - 1) : place + 2] if span[0] == spans[place][0]]
            cut.append(passage.model_copy(update={"text": passage.text[beside[0][1] : beside[-1][2]].strip()}))
        return cut


def best_sources(case: Case, answer: str, most: int) -> Asked:
    """Return a question with the best sentences of its best places."""
    weights = np.array(list(MEASURES.values()))
    scores = case.scores(weights)
    if said := case.index.question(answer):
        scores = scores + ANSWER_WEIGHT * (case.index.measure(said) @ weights)
    best: dict[int, int] = {}
    for place in np.argsort(-scores, kind="stable"):
        best.setdefault(int(case.places[place]), int(place))
        if len(best) == most:
            break
    return Asked(case, answer, tuple(best.values()), scores[list(best.values())])


class Likelihoods:
    """Asks a vLLM how likely texts are.

    Args:
        endpoint: The server and the model.
        at_once: Requests in flight.
    """

    def __init__(self, endpoint: Endpoint, at_once: int) -> None:
        self._endpoint = endpoint
        self._turn = asyncio.Semaphore(at_once)
        self._http = httpx.AsyncClient(timeout=endpoint.request_seconds, headers=endpoint.headers())

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def of_text(self, prompt: list[dict[str, str]], text: str) -> float:
        """Return the mean logarithm of the probabilities of a text's tokens as the reply to a prompt."""
        count = (await self._post("/tokenize", {"prompt": text, "add_special_tokens": False}))["count"]
        body = {
            "messages": [*prompt, {"role": "assistant", "content": text}],
            "add_generation_prompt": False,
            "continue_final_message": True,
            "prompt_logprobs": 0,
        }
        tokens = (await self._post("/v1/chat/completions", body))["prompt_logprobs"][-count:]
        return float(np.mean([next(iter(token.values()))["logprob"] for token in tokens]))

    async def of_numbers(self, prompt: list[dict[str, str]], most: int) -> Any:
        """Return the logarithms of the probabilities of the numbers from 1 as the first token of the reply."""
        reply = await self._post(
            "/v1/chat/completions", {"messages": prompt, "logprobs": True, "top_logprobs": 2 * MOST_SOURCES}
        )
        told = reply["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        least = min(token["logprob"] for token in told)
        likely = {token["token"].strip(): token["logprob"] for token in reversed(told)}
        return np.array([likely.get(str(number), least) for number in range(1, most + 1)])

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        async with self._turn:
            reply = await self._http.post(
                f"{self._endpoint.root}{path}",
                json={"model": self._endpoint.model, "max_tokens": 1, "temperature": 0} | body,
            )
        return reply.raise_for_status().json()


async def tell(likely: Likelihoods, asked: Asked) -> dict[str, list[float]]:
    """Return what the model finds likely of each source of a question."""
    question, passages = asked.case.question.text, asked.passages()

    async def by(prompts: Sequence[list[dict[str, str]]], text: str) -> list[float]:
        return list(await asyncio.gather(*(likely.of_text(prompt, text) for prompt in prompts)))

    told = {
        "question": await by([_to_be_asked(each.text) for each in asked.sentences()], question),
        "passage": await by([_to_be_asked(each.text) for each in passages], question),
    }
    if asked.answer:
        drafts = [messages(Draft(evidence=(each,), question=question), "") for each in passages]
        told["answer"] = await by(drafts, asked.answer)
        drafts = [messages(Draft(evidence=(each,), question=question), "") for each in asked.sentences()]
        told["beside"] = await by(drafts, asked.answer)
        told["cited"] = await _numbers(likely, asked, _SOURCE_OF, f"{question}\nAnswer: {asked.answer}")
    told["number"] = await _numbers(likely, asked, _CONTAINS, question)
    return told


async def _numbers(likely: Likelihoods, asked: Asked, wanted: str, question: str) -> list[float]:
    """Return how likely each source's number is, over both orders of them."""
    texts = [each.text for each in asked.sentences()]
    forth, back = [
        await likely.of_numbers(_to_be_chosen(each, wanted, question), len(each)) for each in (texts, texts[::-1])
    ]
    return [float(value) for value in (forth + back[::-1]) / 2]


_CONTAINS = "contains the answer to the question"
_SOURCE_OF = "is the source of this answer"


def _to_be_asked(text: str) -> list[dict[str, str]]:
    return _prompt(f"<document>\n{text}\n</document>\n\nWrite a question that the document text above answers.")


def _to_be_chosen(texts: Sequence[str], wanted: str, question: str) -> list[dict[str, str]]:
    listed = "\n\n".join(f"[{number}] {text}" for number, text in enumerate(texts, start=1))
    return _prompt(
        f"<document>\n{listed}\n</document>\n\nWhich of the numbered texts above {wanted}? Reply with its number "
        f"alone.\n\nQuestion: {question}"
    )


def _prompt(text: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]


async def ask(all_asked: Sequence[Asked], at_once: int) -> Told:
    """Return what the model tells of every question; one of which a request failed is left out."""
    settings = load_settings().engine
    endpoint = await find_endpoint(settings, settings.base_url or "")
    likely, engine = Likelihoods(endpoint, at_once), OpenAIEngine(endpoint, settings)
    tasks = [
        Answerable(evidence=(passage,), question=asked.case.question.text)
        for asked in all_asked
        for passage in asked.passages()
    ]
    try:
        told = await asyncio.gather(*(tell(likely, asked) for asked in all_asked), return_exceptions=True)
        odds = iter(await ask_all(engine, tasks, at_once))
    finally:
        await likely.close()
        await engine.close()
    kept: Told = {}
    for asked, measures in zip(all_asked, told, strict=True):
        yes = [one.result.log_odds or 0.0 if one else 0.0 for one in (next(odds) for _ in asked.places)]
        if not isinstance(measures, BaseException):
            kept[asked.case.question.id] = measures | {"yes": yes}
    return kept


def report(all_asked: Sequence[Asked], told: Told) -> str:
    """Return how often the first source is on a gold page, by the rules, by each measure, and by both."""
    golds = [asked.gold for asked in all_asked]
    rules = np.array([gold[0] for gold in golds])
    documents = sorted({asked.case.question.document for asked in all_asked})
    fold = np.array([documents.index(asked.case.question.document) % FOLDS for asked in all_asked])
    head = (
        f"{len(all_asked)} questions: by the rules {rules.sum()} first sources on a gold page, any source of "
        f"{sum(gold.any() for gold in golds)}; won and lost by the measure alone, then by its weight"
    )
    lines = [head]
    for name in dict.fromkeys(name for measures in told.values() for name in measures):
        values = [np.array(told[asked.case.question.id][name]) for asked in all_asked]
        pairs = list(zip(all_asked, golds, values, strict=True))
        alone = np.array([gold[np.argmax(value)] for _, gold, value in pairs])
        both = np.array(
            [[gold[np.argmax(asked.scores + weight * value)] for asked, gold, value in pairs] for weight in WEIGHTS]
        )
        left_out = np.zeros_like(rules)
        for part in set(fold.tolist()):
            own = fold == part
            left_out[own] = both[int(np.argmax(both[:, ~own].mean(axis=1))), own]
        columns = "  ".join(f"{weight}: {_paired(each, rules)}" for weight, each in zip(WEIGHTS, both, strict=True))
        lines += [f"{name:10}{_paired(alone, rules)}  {columns}  fitted on other documents: {_paired(left_out, rules)}"]
    return "\n".join(lines)


def _paired(found: Any, rules: Any) -> str:
    return f"+{(found & ~rules).sum()} -{(rules & ~found).sum()}"


async def run(options: argparse.Namespace) -> None:
    """Read the set, ask where nothing is kept, print."""
    with tempfile.TemporaryDirectory() as data:
        library = Library(DocumentsSettings(roots=(options.folder,)), Path(data))
        cases = await read(load(options.folder, options.part), library)
        await library.close()
    answers = {name: answer for name, (_, answer) in read_told(options.replies).items()} if options.replies else {}
    citable = (case for case in cases if case.question.answer is not None and case.right)
    asked = [best_sources(case, answers.get(case.question.id, ""), options.sources) for case in citable]
    asked = sorted((each for each in asked if len(each.places) > 1), key=lambda each: each.margin)[: options.closest]
    if not options.told.exists():
        options.told.write_text(json.dumps(await ask(asked, options.at_once), indent=1) + "\n")
    told: Told = json.loads(options.told.read_text())
    print(report([each for each in asked if each.case.question.id in told], told))


def main() -> None:
    """Read the command line."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--set", dest="folder", type=Path, required=True, help="the folder of the question set")
    asked.add_argument("--part", choices=("all", "work", "check"), default="work")
    asked.add_argument("--told", type=Path, required=True, help="what the model told: read, or written")
    asked.add_argument("--replies", type=Path, help="the model's answers, as fit_answers keeps them")
    asked.add_argument("--sources", type=int, choices=range(2, MOST_SOURCES + 1), default=8, metavar="N")
    asked.add_argument("--closest", type=int, help="only the questions whose two best sources are closest")
    asked.add_argument("--at-once", type=int, default=32, help="requests in flight")
    options = asked.parse_args()
    options.folder = options.folder.resolve()
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
