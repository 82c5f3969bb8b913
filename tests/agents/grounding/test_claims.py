import pytest

from agents.grounding.claims import UncheckedClaim, ground, unsupported_names
from agents.grounding.figures import unsupported_counts, unsupported_figures
from agents.schema import Document, Page
from tests.support.samples import as_document

TEXT = (
    "The feed pump runs at 1,450 revolutions. Maria Holm signs every loan. Loans last 28 days, fines start at 2 euros."
)
DOCUMENT = Document(
    document_id="d", title="Rules", name="rules.txt", text=TEXT, pages=(Page(number=1, start=0, end=len(TEXT)),)
)


def test_a_quote_that_is_not_there_takes_its_claim_along() -> None:
    invented = UncheckedClaim("Loans last a year.", ("Loans last for one whole year and a day",))

    assert ground([invented], [DOCUMENT], {}) == []


def test_a_located_quote_is_the_documents_own_words() -> None:
    (claim,) = ground([UncheckedClaim("It runs fast.", ("the feed pump runs at 1,450 revolutions",))], [DOCUMENT], {})

    located = claim.quotes[0].located
    assert TEXT[located.start : located.end] == located.quote


@pytest.mark.parametrize("short", ["Maria Holm", "every loan", "signs"])
def test_a_quote_of_fewer_than_five_words_is_shown_with_its_sentence(short: str) -> None:
    (claim,) = ground([UncheckedClaim("She signs.", (short,))], [DOCUMENT], {})

    located = claim.quotes[0].located
    assert located.quote == "Maria Holm signs every loan."
    assert TEXT[located.start : located.end] == located.quote


def test_of_a_long_sentence_sixty_words_around_a_short_quote_are_shown() -> None:
    text = "If the seller " + " ".join(f"word{n}" for n in range(100)) + " the buyer may withdraw."
    document = DOCUMENT.model_copy(update={"text": text, "pages": (Page(number=1, start=0, end=len(text)),)})

    (claim,) = ground([UncheckedClaim("The buyer may withdraw.", ("word50",))], [document], {})

    quote = claim.quotes[0].located.quote
    assert quote in text
    assert "word50" in quote.split()
    assert len(quote.split()) == 60


def test_a_claim_whose_figure_its_quote_lacks_is_not_supported() -> None:
    (claim,) = ground([UncheckedClaim("Loans last 30 days.", ("Loans last 28 days",))], [DOCUMENT], {})

    assert claim.support == "not"


def test_a_claim_with_a_name_from_nowhere_is_supported_only_in_part() -> None:
    (claim,) = ground(
        [UncheckedClaim("Every loan is signed by Peter Brandt.", ("Maria Holm signs every loan",))], [DOCUMENT], {}
    )

    assert claim.support == "partly"


@pytest.mark.parametrize(
    ("claim", "quoted"),
    [
        ("It runs at 1450 revolutions.", "runs at 1,450 revolutions"),
        ("Together they are 70.", "one is 28 and the other 42"),
        ("It rose by 50 percent.", "from 28 to 42"),
        ("Twice 14 is 28.", "14 and again 2"),
    ],
)
def test_figures_that_stand_in_the_quote_or_follow_from_it_are_supported(claim: str, quoted: str) -> None:
    assert unsupported_figures(claim, quoted) == set()


@pytest.mark.parametrize(
    ("claim", "quoted", "unsupported"),
    [
        ("Die Frist beträgt vier Wochen.", "eine Frist von 4 Wochen", set[float]()),
        ("Die Frist beträgt vier Wochen.", "eine Frist von vier Wochen", set[float]()),
        ("Die Frist beträgt fünf Wochen.", "eine Frist von vier Wochen", {5}),
        ("Le délai est de dix jours.", "un délai de 10 jours", set[float]()),
        ("Het duurt ten minste drie dagen.", "het duurt drie dagen", set[float]()),
        ("The fee is twenty-eight euros.", "28 euros", set[float]()),
    ],
)
def test_numbers_in_words_are_those_of_the_claims_language(claim: str, quoted: str, unsupported: set[float]) -> None:
    assert unsupported_counts(claim, quoted) == unsupported


@pytest.mark.parametrize(("claim", "quoted"), [("It is 29.", "It is 28."), ("In 2023.", "In 2024, on page 12.")])
def test_other_figures_are_not(claim: str, quoted: str) -> None:
    assert unsupported_figures(claim, quoted)


def support(claim: str, *quotes: str) -> str:
    (grounded,) = ground([UncheckedClaim(claim, quotes)], [DOCUMENT], {})
    return grounded.support


@pytest.mark.parametrize(
    ("claim", "quote"),
    [
        ("Loans never last 28 days.", "Loans last 28 days"),
        ("Peter Holm signs every loan.", "Maria Holm signs every loan."),
        ("Loans last 2 days, fines start at 28 euros.", "Loans last 28 days, fines start at 2 euros."),
        ("Loans last 30 days, fines start at 2 euros.", "Loans last 28 days, fines start at 2 euros."),
    ],
)
def test_a_claim_that_says_otherwise_than_its_quote_is_not_supported(claim: str, quote: str) -> None:
    assert support(claim, quote) == "not"


@pytest.mark.parametrize("claim", ["Maria signs thirty loans.", "Every loan is signed by Ann.", "No loan costs money."])
def test_what_its_quotes_do_not_say_leaves_a_claim_supported_in_part(claim: str) -> None:
    assert support(claim, "Maria Holm signs every loan.") == "partly"


PUMPS = (
    "The feed pump of Northgate runs at 1,450 revolutions.",
    "The feed pump of Southgate runs at 1,520 revolutions.",
)


def support_of_pumps(claim: str) -> str:
    document = DOCUMENT.model_copy(update={"text": " ".join(PUMPS)})
    (grounded,) = ground([UncheckedClaim(claim, PUMPS)], [document], {})
    return grounded.support


@pytest.mark.parametrize(
    "claim",
    ["The feed pump of Northgate runs at 1,520 revolutions.", "The feed pump of Southgate runs at 1,450 revolutions."],
)
def test_a_claim_that_mixes_two_quotes_is_supported_by_neither(claim: str) -> None:
    assert support_of_pumps(claim) == "not"


@pytest.mark.parametrize(
    "claim",
    [
        *PUMPS,
        "The feed pump of Northgate runs at 1,450 revolutions, that of Southgate at 1,520.",
        "The feed pump of Southgate runs at 1,520 revolutions and the one of Northgate at 1,450 revolutions.",
        "The feed pumps of Northgate and Southgate run at 1,450 and 1,520 revolutions.",
    ],
)
def test_a_claim_that_says_what_two_quotes_say_is_supported(claim: str) -> None:
    assert support_of_pumps(claim) == "supported"


def test_a_number_in_words_is_the_number_in_digits() -> None:
    assert support("A loan lasts twenty-eight days.", "Loans last 28 days") == "supported"


def test_the_first_word_of_a_sentence_is_no_name() -> None:
    assert unsupported_names("Loans are signed. Nobody else may sign.", "maria holm signs every loan") == set()


@pytest.mark.parametrize(
    "claim", ["Audit-Related fees were 359,000.", "The D'Artagnan estate and its Audit-Related fees."]
)
def test_no_name_begins_within_a_word(claim: str) -> None:
    assert unsupported_names(claim, "The D'Artagnan estate: audit-related fees | 0 | 359,000") == set()


def titled(title: str, text: str) -> Document:
    return as_document(text).model_copy(update={"document_id": title, "title": title})


@pytest.mark.parametrize(
    ("title", "claim", "expected"),
    [
        ("Loans 2023", "Loans 2023: A reader may borrow 5 volumes.", "supported"),
        ("Loans 2023", "By the 2023 loans a reader may borrow 5 volumes.", "supported"),
        ("Lending rules, version 1.2", "Lending rules, version 1.2: A reader may borrow 5 volumes.", "supported"),
        ("Loans 2023", "In 2023 a reader may borrow 5 volumes.", "not"),
        ("Loans 2023", "A reader may borrow 2023 volumes.", "not"),
        ("Loans 2023", "Loans 2024: A reader may borrow 5 volumes.", "not"),
        ("Borrow 8 volumes", "A reader may borrow 8 volumes.", "not"),
    ],
)
def test_a_figure_needs_no_quote_only_where_it_names_the_document(title: str, claim: str, expected: str) -> None:
    document = titled(title, "A reader may borrow 5 volumes. Atlases stay here.")
    (grounded,) = ground([UncheckedClaim(claim, ("A reader may borrow 5 volumes.",))], [document], {})

    assert grounded.support == expected


def test_what_several_documents_say_is_cited_from_the_one_it_was_taken_from() -> None:
    said = "The room closes at 17 daily."
    documents = [titled("Old", said), titled("New", said), titled("Other", "Nothing is said here about any room.")]
    quoted = UncheckedClaim("It closes at 17.", (said,) * 3, titles=("New", "Old", "Other"))

    (claim,) = ground([quoted], documents, {})

    assert [quote.document.title for quote in claim.quotes] == ["New", "Old", "Old"]


def test_a_claim_in_the_words_of_its_whole_quote_says_what_that_says() -> None:
    text = "No. There is a sauna on the second floor. Nobody may lend an atlas to a friend."
    document = as_document(text)
    whole, cut = (
        UncheckedClaim(words, (quote,))
        for words, quote in (
            ("No. There is a sauna on the second floor.", "No. There is a sauna on the second floor."),
            ("A reader may lend an atlas to a friend.", "Nobody may lend an atlas to a friend."),
        )
    )

    assert [claim.support for claim in ground([whole, cut], [document], {})] == ["supported", "not"]
