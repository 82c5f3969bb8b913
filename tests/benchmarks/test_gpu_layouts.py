from agents.engine.tasks.answering import Draft
from agents.schema import Passage
from benchmarks.gpu.layouts import LAYOUTS, retitled

TEXT = "The feed pump is checked every 14 days."
PASSAGE = Passage(document_id="d", title="Rules", index=0, start=0, end=len(TEXT), page=1, text=TEXT)
TASK = Draft(evidence=(PASSAGE,), question="How often?")


def test_every_layout_holds_the_same_document_and_question() -> None:
    for layout in LAYOUTS.values():
        said = "\n".join(message["content"] for message in layout(TASK))
        assert TEXT in said
        assert "How often?" in said
        assert TASK.instruction() in said


def test_a_document_of_another_title_shares_no_beginning_behind_the_system_message() -> None:
    document_first = LAYOUTS["document_first"]
    (_, ours), (_, theirs) = document_first(TASK), document_first(retitled(TASK, "again"))

    assert theirs["content"].startswith('<document title="again Rules"')
    assert ours["content"].startswith('<document title="Rules"')
    assert TEXT in theirs["content"]
