import pytest

from agents.markdown import SOURCES, analysis_heading, to_markdown, without_sources, write
from agents.schema import Answer, Citation, Claim, EngineInfo, NoteKind, RouteReport, SessionInfo

OPENS = "The reading room opens at 9 in the morning."


def cited(number: int, quote: str, **fields: object) -> Citation:
    values = {"document_id": "a", "title": "Rules", "page": number, "start": 0, "end": len(quote), "verified": "exact"}
    return Citation.model_validate({"id": str(number), "quote": quote, **values, **fields})


def claim(text: str, *citations: int, kind: NoteKind = "point", section: str = "") -> Claim:
    numbers = tuple(map(str, citations))
    return Claim(text=text, citations=numbers, supported="supported", kind=kind, section=section)


def sources(claims: list[Claim], citations: list[Citation]) -> str:
    return write(claims, citations).partition(f"{SOURCES}\n\n")[2]


@pytest.mark.parametrize(
    ("said", "quote", "source"),
    [
        (OPENS, OPENS.replace(" ", "\n"), "verbatim"),
        (OPENS, f"3. {OPENS}", "“3.”, then verbatim"),
        ("The reading room opens at 9…", OPENS, "verbatim, then “in the morning.”"),
        (OPENS, f"(a) {OPENS} Come.", "“(a)”, then verbatim, then “Come.”"),
        ("It opens at 9.", OPENS, f"“{OPENS}”"),
        ("9 in the morning", OPENS, f"“{OPENS}”"),
    ],
)
def test_a_source_does_not_repeat_the_claims_words(said: str, quote: str, source: str) -> None:
    assert sources([claim(said, 1)], [cited(1, quote)]) == f"Rules:\n[1] page 1: {source}"


def test_a_source_of_several_claims_or_beside_another_is_quoted() -> None:
    shared = [claim(OPENS, 1), claim("It opens at 9.", 1)]
    assert sources(shared, [cited(1, OPENS)]) == f"Rules:\n[1] page 1: “{OPENS}”"
    two = sources([claim(OPENS, 1, 2)], [cited(1, OPENS), cited(2, "Come at 9.")])
    assert two == f"Rules:\n[1] page 1: “{OPENS}”\n[2] page 2: “Come at 9.”"


def test_sources_stand_under_their_documents_with_what_the_page_is_called() -> None:
    citations = [
        cited(1, "One."),
        cited(2, "Two.", document_id="b", title="Stock", place="sheet “Parts”"),
        cited(3, "Three."),
        cited(4, "Four.", document_id="c", title="Rules"),
    ]
    claims = [claim(f"This is {n}.", n) for n in range(1, 5)]
    assert sources(claims, citations) == (
        "Rules:\n[1] page 1: “One.”\n[3] page 3: “Three.”\n\n"
        "Stock:\n[2] sheet “Parts”: “Two.”\n\n"
        "Rules:\n[4] page 4: “Four.”"
    )


def test_an_analysis_has_an_overview_points_under_headings_and_a_table() -> None:
    claims = [
        claim("About rooms.", 1, kind="overview"),
        claim("It opens.", 1, section="Hours"),
        claim("It closes.", 1, section="Hours"),
        claim("Room | 9", 1, kind="item", section="Rooms"),
        claim("Room 10", 1, kind="item", section="Rooms"),
        claim("1987", 1, kind="date"),
    ]
    markdown = write(
        claims, [cited(1, OPENS)], heading=analysis_heading("extraction", ["Rules"], "dates"), as_list=True
    )
    assert markdown.startswith(
        "# Extraction: Rules\n\nExtracted: dates\n\nAbout rooms. [1]\n\n"
        "## Hours\n\n- It opens. [1]\n- It closes. [1]\n\n"
        "| Where | What | Source |\n|---|---|---|\n"
        "| Rooms | Room \\| 9 | [1] |\n|  | Room 10 | [1] |\n| date | 1987 | [1] |"
    )


def test_a_message_stands_in_place_of_the_claims_and_all_its_sources_are_quoted() -> None:
    answer = Answer(
        question="When?",
        message="At 9, every day. [1]",
        claims=(claim(OPENS, 1),),
        citations=(cited(1, OPENS),),
        route=RouteReport(kind="simple", reason=""),
        session=SessionInfo(session_id="s"),
        engine=EngineInfo(name="extractive", notes=("No model.",)),
    )
    markdown = to_markdown(answer)
    assert markdown == f"At 9, every day. [1]\n\n{SOURCES}\n\nRules:\n[1] page 1: “{OPENS}”\n\n_No model._"
    assert without_sources(markdown) == answer.message
