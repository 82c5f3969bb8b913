from collections.abc import Sequence

import pytest

from agents.documents.passages import cut
from agents.documents.search.bm25 import PassageIndex
from agents.documents.terms import document_terms, extract_terms, query_terms
from agents.language.lexicon import language_of
from tests.support.samples import as_document

PASSAGES = (
    "The feed pump is checked every 14 days.",
    "Work order WO-1043 replaced the bearing for 28,000 euros.",
    "Section 7.2 requires a permit before tanks are entered.",
    "The chemist calibrates the meters on Mondays.",
)


def found(query: str, passages: Sequence[str] = PASSAGES, limit: int = 4, language: str = "english") -> list[int]:
    return [ranked.passage for ranked in PassageIndex([extract_terms(passages, language)]).rank(query, limit)]


@pytest.mark.parametrize(
    ("query", "passage"),
    [
        ("How often are the pumps checked?", 0),
        ("WO-1043", 1),
        ("what is order 1043", 1),
        ("28000 EUR", 1),
        ("§ 7.2", 2),
        ("Who enters a tank?", 2),
        ("calibration", 3),
    ],
)
def test_words_are_found_in_any_form_and_codes_as_they_are(query: str, passage: int) -> None:
    assert found(query)[0] == passage


def test_only_passages_that_share_a_word_are_returned() -> None:
    assert found("permit") == [2]


@pytest.mark.parametrize("query", ["", "What is it?", "zebra", "!!!"])
def test_a_query_that_tells_nothing_returns_the_first_passages_unscored(query: str) -> None:
    ranked = PassageIndex([extract_terms(PASSAGES, "english")]).rank(query, 2)
    assert [(r.passage, r.score) for r in ranked] == [(0, 0.0), (1, 0.0)]


def test_several_documents_are_ranked_together() -> None:
    index = PassageIndex([extract_terms(PASSAGES[:2], "english"), extract_terms(PASSAGES[2:], "english")])
    assert [(r.document, r.passage) for r in index.rank("permit for the bearing", 4)] in (
        [(0, 1), (1, 0)],
        [(1, 0), (0, 1)],
    )


def test_passages_without_any_word_can_be_indexed() -> None:
    assert [r.passage for r in PassageIndex([extract_terms(["!!!", "..."], "english")]).rank("pump", 5)] == [0, 1]
    assert found("pump", ["", "A pump.", "???"]) == [1]


def test_a_passage_is_found_by_the_headings_above_it() -> None:
    document = as_document("It is kept dry. ", headings=[(1, "Storage of membranes", 0)])
    terms = document_terms(document, cut(document, 300))
    assert PassageIndex([terms]).rank("How are membranes stored?", 1)[0].score > 0


def test_a_word_broken_at_a_lines_end_is_found_whole() -> None:
    assert found("recalibrated", ["Nothing.", "The meter was recali-\nbrated today."]) == [1]


def test_german_is_stemmed_as_german() -> None:
    text = "Die Pumpen werden von dem Betreiber geprüft, und der Bericht ist für die Leitung der Station."
    assert language_of(text).stemmer == "german"
    assert found("Wer prüft eine Pumpe?", [text, "Der Tank ist leer."], language="german")[0] == 0


def test_scripts_without_spaces_are_found_by_pairs() -> None:
    assert found("給水ポンプ", ["天気がいい。", "給水ポンプは毎週点検する。"]) == [1]


def test_english_is_the_language_of_a_text_that_tells_none() -> None:
    assert language_of("WO-1043 | 12 | 450").stemmer == "english"


def test_a_querys_terms_come_once_each() -> None:
    assert query_terms("The pump, the pumps and WO-7", ["english"]) == ["pump", "wo-7", "wo", "7"]


def test_embeddings_are_a_quarter_of_the_score() -> None:
    import numpy as np

    vectors = np.array([[0, 1], [0, 1], [0, 1], [1, 0]], dtype=np.float32)
    index = PassageIndex([extract_terms(PASSAGES, "english")], [vectors])
    ranked = index.rank("zebra", 4, np.array([1, 0], dtype=np.float32))
    assert (ranked[0].passage, ranked[0].score) == (3, 0.25)
