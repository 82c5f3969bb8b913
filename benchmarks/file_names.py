"""How alike a misspelt word and a word of a file's name must be: agents/documents/names.py.

python -m benchmarks.file_names FOLDER ...      folders with many named files, for example a checkout of any project

Each word of the names gets one fault: a letter left out, doubled, swapped with the next, or replaced. It should be
found again. Words of texts that no name has should find nothing.
"""

import argparse
import difflib
import random
import re
from pathlib import Path

from benchmarks.record import record

CUTOFFS = (0.6, 0.7, 0.75, 0.8, 0.85, 0.9)
LEAST_LETTERS = 5
MOST_WORDS = 500
_WORD = re.compile(rf"[a-z]{{{LEAST_LETTERS},}}")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def misspell(word: str, source: random.Random) -> str:
    """Return the word with one fault inside."""
    place = source.randrange(1, len(word) - 1)
    before, letter, after = word[:place], word[place], word[place + 1 :]
    faults = (
        before + after,
        before + letter + letter + after,
        before + after[0] + letter + after[1:],
        before + source.choice(_LETTERS) + after,
    )
    return source.choice(faults)


def main(folders: list[Path]) -> None:
    """Try every cutoff on the folders' names and texts."""
    source = random.Random(2026)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts]
    names = {word for path in files for word in _WORD.findall(path.name.lower())}
    texts = (path.read_text(errors="replace").lower() for path in files if path.suffix in (".md", ".txt"))
    others = sorted({word for text in texts for word in _WORD.findall(text)} - names)
    wrong = source.sample(others, min(MOST_WORDS, len(others)))
    faulty = {word: misspell(word, source) for word in source.sample(sorted(names), min(MOST_WORDS, len(names)))}
    faulty = {word: typed for word, typed in faulty.items() if typed not in names}
    figures: dict[str, float] = {"words": len(faulty), "words_of_no_name": len(wrong)}
    for cutoff in CUTOFFS:

        def found(word: str, cutoff: float = cutoff) -> list[str]:
            return difflib.get_close_matches(word, names, n=1, cutoff=cutoff)

        right = sum(found(typed) == [word] for word, typed in faulty.items())
        # What begins alike is a form of the same word, not a mistake.
        taken = sum(near[0][:4] != word[:4] for word in wrong if (near := found(word)))
        figures[f"misspelt_found_percent_at_{cutoff:g}"] = 100 * right / len(faulty)
        figures[f"others_taken_for_one_percent_at_{cutoff:g}"] = 100 * taken / len(wrong)
    record(
        "file_names",
        "python -m benchmarks.file_names FOLDER ...: the files of this repository and of two installed packages.",
        figures,
        goal="0.8 is the strictest of these that finds nineteen of twenty misspelt words",
        met=figures["misspelt_found_percent_at_0.8"] >= 95 > figures["misspelt_found_percent_at_0.85"],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    main(parser.parse_args().folders)
