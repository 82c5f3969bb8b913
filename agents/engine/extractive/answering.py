"""Excerpts and RewriteAnswer: the sentences that answer a question, each as a claim with its exact quote.

Each comes with what it needs to be understood: the head of its table, the line that announces its list.
"""

import itertools
import re
from collections.abc import Sequence

from agents.engine.extractive.decisions import split_question
from agents.engine.extractive.ranking import Ranked, Ranking, text_index
from agents.engine.extractive.statements import MAX_QUOTE_WORDS, Statement, clean, read_row, read_statements
from agents.engine.extractive.weights import LEAST_SHARE, MAX_CLAIMS, REFUSED_BELOW
from agents.engine.tasks.answering import Excerpt, Excerpts, ExcerptsResult, RewriteAnswer, RewriteAnswerResult
from agents.language.section_references import strip_references, within_references
from agents.language.stems import Vocabulary
from agents.language.unspaced import count_words, word_spans

_MAX_PARTS = 3
_LEAST_QUOTE_WORDS = 5
"""As the grounding has it, which widens shorter quotes."""


def excerpts(task: Excerpts, most: int = MAX_CLAIMS, least_share: float = LEAST_SHARE) -> ExcerptsResult:
    """Answer from the evidence with its own sentences, the best first; with none where it does hardly answer.

    Args:
        task: The question and the evidence.
        most: How many to return at most.
        least_share: Of the best sentence's score, that another needs.
    """
    if task.answer:
        # It is to every part at once, and its words are weighed beside those of the whole question.
        asked = (task.question,)
    else:
        asked = task.parts[:_MAX_PARTS] if len(task.parts) > 1 else split_question(task.question)
    # A page or clause that the question names need not be named in the evidence that was taken from it.
    bare = [(strip_references(part) or part) if within_references(part, task.evidence) else part for part in asked]
    index = text_index(task.evidence)
    rankings = [index.rank(part, task.answer) for part in bare]
    confidence = max((ranking.confidence for ranking in rankings), default=0.0)
    sure = [ranking for ranking in rankings if task.closest or ranking.confidence >= REFUSED_BELOW]
    # The best of every part come first, then the second best of every part, and so on.
    turns = itertools.zip_longest(*(_excerpts(ranking, most, least_share) for ranking in sure))
    claims: list[Excerpt] = []
    for each in filter(None, itertools.chain.from_iterable(turns)):
        if not any(_says_again(each, said) for said in claims):
            claims.append(each)
    unknown = tuple(dict.fromkeys(word for ranking in rankings for word in ranking.unknown))
    return ExcerptsResult(claims=tuple(claims[:most]), confidence=confidence, unknown=unknown)


def rewrite_answer(task: RewriteAnswer) -> RewriteAnswerResult:
    """Return the message as it is: without a model, the document's own words are the best there are."""
    return RewriteAnswerResult(markdown=task.message)


def _says_again(one: Excerpt, other: Excerpt) -> bool:
    """Whether two excerpts hold the same words, or the same sentence of a passage: with its title, say, and alone."""
    quote, quoted = one.quotes[0], other.quotes[0]
    return one.text == other.text or (one.within == other.within and (quote in quoted or quoted in quote))


def _excerpts(ranking: Ranking, most: int, least_share: float) -> list[Excerpt]:
    """Return what answers as claims: the best, the best of another page, the best of the document's opening, the rest.

    The opening says what a document is, who wrote it and when, in words that no question uses: of 165 questions it
    answered 12 that the best two sentences did not, where the third best sentence answered 5. Of the document's title,
    which stands beside each claim, only what answers best is one.
    """
    titles = {" ".join(each.passage.title.split()) for each in ranking.sentences}
    good = itertools.takewhile(lambda each: each.score >= least_share * ranking.sentences[0].score, ranking.sentences)
    found: dict[Ranked, Excerpt] = {}
    for each in (*good, *filter(None, [ranking.opening])):
        if len(found) == most and each is not ranking.opening:
            continue
        excerpt = _excerpt(each, ranking.stems)
        again = excerpt and found and any(excerpt.text in title for title in titles)
        if excerpt and not again and not any(_says_again(excerpt, said) for said in found.values()):
            found[each] = excerpt
    of_pages = {each.page: each for each in reversed(found)}
    first = [each for each in found if each is of_pages[each.page] and each is not ranking.opening][:2]
    if ranking.opening in found and ranking.opening.page not in [each.page for each in first]:
        first.append(ranking.opening)
    return [found[each] for each in dict.fromkeys((*first, *found))]


def _excerpt(ranked: Ranked, stems: frozenset[str]) -> Excerpt | None:
    """Return a sentence as a claim, with what it needs to be understood; of a heading, what stands below it.

    A title without a text, or of the question's words alone, says nothing.
    """
    passage = ranked.passage
    vocabulary = Vocabulary.of(passage.text)
    statements = read_statements((passage,), vocabulary)
    place = next((place for place, each in enumerate(statements) if each.end > ranked.start), None)
    if place is None:
        return None
    statement = statements[place]
    if statement.form == "row":
        quote, above = _cut(passage.text, statement.start, statement.end), statement.head
        text = read_row(quote, above)
    else:
        last = _last(statements, place)
        quote = _cut(passage.text, statement.start, statements[last].end, stems)
        if last == place and _is_open(statement) and stems.issuperset(vocabulary.terms(quote)):
            return None
        lead = statements[statement.lead] if statement.lead >= 0 else None
        above = _cut(passage.text, lead.start, lead.end) if lead else ""
        text = f"{clean(above)} {clean(quote)}".lstrip()
    within = passage.document_id, passage.start, passage.end
    return Excerpt(text=text, quotes=(quote, above) if above else (quote,), within=within)


def _last(statements: Sequence[Statement], first: int) -> int:
    """Return where a statement is understood: a title, a question or a few words only with what follows them.

    What announces a list is understood with as much of it as one quote holds. Nothing follows beyond a heading.
    """
    last, words = first, count_words(statements[first].text)
    for statement, after in itertools.pairwise(statements[first:]):
        words += count_words(after.text)
        listed = after.lead == first and words <= MAX_QUOTE_WORDS
        goes_on = after.section == statement.section and after.form != "row"
        if not goes_on or not (listed or _is_open(statement)):
            break
        last += 1
    return last


# The name of a field and its value: "Chair: Mara Lindt".
_FIELD = re.compile(r"[^:]+:\s*[^\s:]")


def _is_open(statement: Statement) -> bool:
    """Whether it takes what follows to understand a statement; what announces an item's list says what that is."""
    text = statement.text
    if text.endswith(("?", "\uff1f", ":")):
        return True
    return statement.lead < 0 and count_words(text) < _LEAST_QUOTE_WORDS and not _FIELD.match(text)


def _cut(text: str, start: int, end: int, stems: frozenset[str] = frozenset()) -> str:
    """Return a slice, or of a long one the 60 words that hold most of the question's."""
    words = word_spans(text[start:end])
    if len(words) <= MAX_QUOTE_WORDS:
        return text[start:end]
    vocabulary = Vocabulary.of(text)
    held = [not stems.isdisjoint(vocabulary.terms(text[start + first : start + last])) for first, last in words]
    counts = [sum(held[first : first + MAX_QUOTE_WORDS]) for first in range(len(words) - MAX_QUOTE_WORDS + 1)]
    most = max(counts)
    best = [first for first, count in enumerate(counts) if count == most]
    first = best[len(best) // 2] if most else 0
    return text[start + words[first][0] : start + words[first + MAX_QUOTE_WORDS - 1][1]]
