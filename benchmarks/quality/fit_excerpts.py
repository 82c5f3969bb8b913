"""How many sentences an answer without a model has, and how near to the best one's score each must come.

    python -m benchmarks.quality.fit_excerpts --set FOLDER

Asks every answerable question of its whole document and prints, for several bounds, how many gold answers the
sentences hold together, in how many words. More sentences hold more, and are longer to read: what to take of both is
chosen by eye, and stands in agents/engine/extractive/weights.py.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from agents.documents.library import Library
from agents.engine.extractive.answering import excerpts
from agents.engine.tasks.answering import Excerpts
from agents.language.unspaced import count_words
from agents.settings import DocumentsSettings
from benchmarks.quality.judge import holds
from benchmarks.quality.questions import Part, Question, load

SHARES = (0.6, 0.65, 0.7, 0.75, 0.8, 0.9)
MOST = (3, 4, 5, 6, 8)
Case = tuple[Question, Excerpts]


async def read(questions: Sequence[Question], library: Library) -> list[Case]:
    """Return the questions that are answered, each with the task to answer it."""
    cases: list[Case] = []
    for question in questions:
        if question.answer is not None:
            document = await library.open(str(question.document))
            passages = await library.passages(document.document_id)
            cases.append((question, Excerpts(question=question.text, evidence=passages)))
    return cases


def figures(cases: Sequence[Case], share: float) -> str:
    """Return the share of gold answers held, and the mean number of words, by the number of sentences."""
    said = [(question, excerpts(task, max(MOST), share).claims) for question, task in cases]
    row = f"{share:5.2f}"
    for most in MOST:
        texts = [(question, "\n".join(claim.text for claim in claims[:most])) for question, claims in said]
        held = fmean(holds(text, question.answer or "") for question, text in texts)
        row += f"  {held:.3f} ({fmean(count_words(text) for _, text in texts):4.0f})"
    return row


async def run(folder: Path, part: Part) -> None:
    """Read the set, ask, print."""
    with tempfile.TemporaryDirectory() as data:
        library = Library(DocumentsSettings(roots=(folder,)), Path(data))
        cases = await read(load(folder, part), library)
        await library.close()
    print(f"{len(cases)} questions: gold answers held (words), by the least share and the most sentences")
    print("share  " + "  ".join(f"{most:12}" for most in MOST))
    for share in SHARES:
        print(figures(cases, share), flush=True)


def main() -> None:
    """Read the command line."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--set", dest="folder", type=Path, required=True, help="the folder of the question set")
    asked.add_argument("--part", choices=("all", "work", "check"), default="work")
    options = asked.parse_args()
    asyncio.run(run(options.folder, options.part))


if __name__ == "__main__":
    main()
