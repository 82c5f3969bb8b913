from pathlib import Path

import numpy as np

from benchmarks.gpu.corpus import END, QUOTE, SPECIAL, TextFile, collect, encode, hold_out, train_tokenizer, windows
from benchmarks.gpu.score_windows import occurrences, quote_prompt

TEXT = "def pump(valve):\n    return valve.pressure\n"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_each_text_is_read_once_and_data_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "a" / "b" / "one.py", TEXT * 10)
    write(tmp_path / "a" / "b" / "copy.py", TEXT * 10)
    write(tmp_path / "a" / "c" / "two.md", "Other words.\n" * 30)
    write(tmp_path / "a" / "table.txt", "1 2 3 " * 500)
    write(tmp_path / "a" / "short.py", "x = 1\n")
    write(tmp_path / "a" / "data.csv", TEXT * 10)
    found = collect([tmp_path], limit_bytes=10_000)
    assert [(file.group, file.text) for file in found] == [("a/b", TEXT * 10), ("a/c", "Other words.\n" * 30)]


def test_whole_groups_are_held_out() -> None:
    files = [TextFile(f"group{number % 20}", f"{number}.py", TEXT) for number in range(200)]
    learned, unseen = hold_out(files, share=0.1)
    assert not {file.group for file in learned} & {file.group for file in unseen}
    assert 10 <= len(unseen) <= 20
    assert len(learned) + len(unseen) == 200


def test_a_group_that_is_too_large_is_never_held_out() -> None:
    files = [TextFile("large", "a.py", TEXT * 50), *(TextFile(f"small{n}", f"{n}.py", TEXT) for n in range(50))]
    assert "large" not in {file.group for file in hold_out(files, share=0.2)[1]}


def test_files_are_encoded_with_their_names_and_closed() -> None:
    files = [TextFile("a", "a/one.py", TEXT), TextFile("a", "a/two.py", TEXT)]
    tokenizer = train_tokenizer(files, vocabulary=300)
    tokens = encode(files, tokenizer)
    assert (tokens == tokenizer.token_to_id(END)).sum() == 2
    assert tokenizer.decode(tokens.tolist()) == f"# a/one.py\n{TEXT}# a/two.py\n{TEXT}"


def test_windows_do_not_overlap_and_reach_the_end() -> None:
    found = windows(np.arange(100, dtype=np.int32), count=3, length=10)
    assert found[:, 0].tolist() == [0, 40, 90]
    assert len(windows(np.arange(5, dtype=np.int32), count=3, length=10)) == 0


def test_a_quote_is_asked_for_by_words_that_stand_once_in_the_text() -> None:
    window = np.random.default_rng(3).integers(len(SPECIAL), 40, 2_000).astype(np.int32)
    quote = quote_prompt(window, context=1_000, seed=1, answer=32)
    assert quote is not None
    body, marker, lead = quote.prompt[:-17], quote.prompt[-17], quote.prompt[-16:]
    assert marker == SPECIAL.index(QUOTE)
    assert len(quote.prompt) + len(quote.passage) == 1_000
    assert body == window[-1_000:][: len(body)].tolist()
    at = next(at for at in range(len(body)) if body[at : at + 16] == lead)
    assert body[at + 16 : at + 48] == quote.passage


def test_no_quote_is_asked_for_where_every_passage_is_ambiguous() -> None:
    assert quote_prompt(np.full(500, 9, np.int32), context=400, seed=1) is None


def test_occurrences_are_counted_with_overlaps() -> None:
    assert occurrences(np.array([1, 1, 1, 2], np.int32), np.array([1, 1], np.int32)) == 2
