from pathlib import Path
from typing import Any

import pytest

from agents.benchmark.corpus import KnownQuestion
from agents.benchmark.quality import judge_answer, measure_perplexity, measure_quality, quality_figures
from agents.benchmark.workbench import Workbench
from agents.engine.extractive.engine import ExtractiveEngine
from agents.errors import EngineError
from agents.schema import Answer, Citation, Claim, EngineInfo, SessionInfo
from agents.settings import Settings
from tests.support.fake_vllm_api import FakeVllm, serving
from tests.support.reports import all_of

TEXT = "The pump was checked. It holds 4,182 litres. Nobody noted anything else."
KNOWN = KnownQuestion(question="How much?", answer="4,182", document="/d", start=22, end=44, page=1, depth=50)
NOWHERE = KnownQuestion(question="Who?", answer=None, document="/d")


def citation(start: int, end: int, quote: str | None = None, page: int = 1) -> Citation:
    return Citation(
        id="1",
        document_id="d",
        title="D",
        page=page,
        start=start,
        end=end,
        quote=TEXT[start:end] if quote is None else quote,
        verified="exact",
    )


def answer(markdown: str, *citations: Citation, **fields: Any) -> Answer:
    claim = Claim(text=markdown, citations=("1",), supported="supported")
    return Answer.model_validate(
        {
            "question": "How much?",
            "markdown": markdown,
            "citations": citations,
            "claims": (claim,),
            "session": SessionInfo(session_id="s"),
            "engine": EngineInfo(name="fake"),
            **fields,
        }
    )


def test_an_answer_that_says_and_quotes_it_is_right_in_every_respect() -> None:
    judged = judge_answer(KNOWN, answer("It holds 4,182 litres [1].", citation(22, 44)), TEXT)

    assert (judged.found, judged.right_page, judged.refused) == (True, True, False)
    assert (judged.citations, judged.verified, judged.relevant) == (1, 1, 1)


def test_a_quote_from_elsewhere_is_not_relevant() -> None:
    judged = judge_answer(KNOWN, answer("It was checked.", citation(0, 21)), TEXT)

    assert (judged.found, judged.relevant, judged.verified) == (False, 0, 1)


def test_a_quote_that_does_not_stand_at_its_offsets_is_not_verified() -> None:
    judged = judge_answer(KNOWN, answer("4,182", citation(22, 44, quote="It holds 5,000 litres.")), TEXT)

    assert judged.verified == 0


def test_the_right_quote_with_another_page_is_not_the_right_page() -> None:
    assert not judge_answer(KNOWN, answer("4,182", citation(22, 44, page=2)), TEXT).right_page


def test_saying_that_it_is_not_there_is_a_refusal_and_so_is_a_claim_that_nothing_supports() -> None:
    unsupported = Claim(text="Someone.", citations=(), supported="not")

    assert judge_answer(NOWHERE, answer("Not found.", claims=(), not_found=True), TEXT).refused
    assert judge_answer(NOWHERE, answer("Someone.", claims=(unsupported,)), TEXT).refused
    assert not judge_answer(NOWHERE, answer("Someone."), TEXT).refused


def test_figures_are_shares_of_what_they_speak_of() -> None:
    right = judge_answer(KNOWN, answer("4,182", citation(22, 44), citation(0, 21)), TEXT)
    wrong = judge_answer(KNOWN.model_copy(update={"depth": 95, "length": 2_048}), answer("No idea."), TEXT)
    refused = judge_answer(NOWHERE, answer("Not found.", claims=(), not_found=True), TEXT)

    figures = {(figure.key, figure.at): figure.value for figure in quality_figures([right, wrong, refused])}

    assert figures["found_percent", None] == 50
    assert figures["right_page_percent", None] == 100
    assert figures["citation_recall_percent", None] == 50
    assert figures["citation_precision_percent", None] == 50
    assert figures["quotes_verified_percent", None] == 100
    assert figures["refused_percent", None] == 100
    assert figures["found_at_depth_percent", 50] == 100
    assert figures["found_at_depth_percent", 95] == 0
    assert figures["found_at_length_percent", 2_048] == 0


async def test_the_users_own_document_is_asked_through_the_whole_pipeline(handbook: str, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    settings = settings.model_copy(
        update={"documents": settings.documents.model_copy(update={"roots": (str(Path(handbook).parent),)})}
    )
    folder = tmp_path / "bench"
    folder.mkdir()
    bench = Workbench(settings, ExtractiveEngine(), folder, "quality", (Path(handbook),))

    figures = {figure.key: figure for figure in await all_of(measure_quality(bench)) if not figure.at}

    assert figures["quotes_verified_percent"].value == 100
    assert figures["right_page_percent"].value >= 80
    assert {"found_percent", "citation_recall_percent", "citation_precision_percent", "refused_percent"} <= set(figures)
    assert any("131,072" in note for note in bench.notes)
    assert not (tmp_path / "data").exists()


async def test_perplexity_is_measured_at_each_context_that_the_text_fills() -> None:
    figures = await all_of(
        measure_perplexity(serving(FakeVllm(log_probability=-2.0)), "a" * 10_000, batch_tokens=4_096)
    )

    assert [figure.at for figure in figures] == [2_048]
    assert figures[0].value == pytest.approx(7.389, abs=0.001)


async def test_an_engine_without_log_probabilities_says_so() -> None:
    with pytest.raises(EngineError, match="no log-probabilities"):
        await all_of(measure_perplexity(serving(FakeVllm(log_probability=None)), "a" * 10_000, batch_tokens=4_096))
