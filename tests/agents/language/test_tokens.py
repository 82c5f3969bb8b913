from agents.language.tokens import estimate_tokens


def test_words_cost_one_for_each_six_letters_begun_and_marks_cost_one() -> None:
    assert estimate_tokens("A pump, maintenance!") == 1 + 1 + 1 + 2 + 1


def test_counts_add_up_over_pieces_cut_at_white_space() -> None:
    pieces = ["The reading room ", "opens at 9 in the morning. ", "It closes at 17."]

    assert estimate_tokens("".join(pieces)) == sum(map(estimate_tokens, pieces))
