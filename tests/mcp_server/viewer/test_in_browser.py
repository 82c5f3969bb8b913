"""The viewer in a real Chromium."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents.assistant import Assistant
from agents.schema import Answer, Citation, Claim, DocumentInfo, EvidencePage, MarkedText
from agents.settings import Settings
from tests.conftest import EXAMPLES
from tests.support.fake_assistant import ANSWER, DOCUMENT_ID, FakeAssistant
from tests.support.viewing import assert_marked, letters_at, marked_on, opened_viewer

QUESTION = "What should the crew do if a battery container is smoking?"


@pytest.fixture
async def assistant(tmp_path: Path) -> AsyncIterator[Assistant]:
    documents = {"roots": [EXAMPLES, tmp_path]}
    made = Assistant(Settings(data_dir=tmp_path / "data", documents=documents, engine={"kind": "extractive"}))
    yield made
    await made.close()


async def rendered_at(page: Any, selector: str) -> dict[str, float]:
    return await page.locator(selector).first.bounding_box()


async def test_a_mark_opens_its_page_with_the_quote_where_its_letters_stand(
    assistant: Assistant, handbook: str
) -> None:
    answer = await assistant.ask(QUESTION, [handbook])
    quote = next(each for each in answer.citations if each.page == 19)
    async with opened_viewer(assistant, [answer]) as (page, requests):
        assert await page.locator("#evidence").is_hidden()
        await page.locator(f".mark[data-source='{quote.id}']").first.click()
        assert_marked(await marked_on(page), letters_at(handbook, 19, quote.quote))
        words = await page.locator("#quote").text_content()
        assert words == quote.quote
        beside, answered = await rendered_at(page, "#evidence"), await rendered_at(page, "#answer")
        assert beside["x"] >= answered["x"] + answered["width"]
        await page.locator("#evidence").evaluate("(all) => all.scrollTo(0, all.scrollHeight)")
        assert (await rendered_at(page, "#close"))["y"] >= (await rendered_at(page, "#evidence"))["y"]
        alt = await page.locator("#sheet img").get_attribute("alt")
        assert quote.quote in alt.replace("\ufffd", "\n")
        assert await page.locator(".cell.cited[aria-current='page']").get_attribute("data-first") == "19"
        assert await page.locator("#steps li").count() == len(answer.route.agents)
    assert requests == ["GET /", "POST /open", "GET /results", "POST /page"]


async def test_it_is_used_by_keyboard_alone_and_fits_a_narrow_dark_window(assistant: Assistant, handbook: str) -> None:
    answer = await assistant.ask(QUESTION, [handbook])
    options = {"viewport": {"width": 360, "height": 700}, "color_scheme": "dark"}
    async with opened_viewer(assistant, [answer], **options) as (page, _):
        await page.keyboard.press("Tab")
        first = await page.evaluate("document.activeElement.getAttribute('aria-label')")
        assert first == f"Source 1, page {answer.citations[0].page}"
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".place.active")
        assert await page.evaluate("document.activeElement.id") == "place"
        assert "The quote is marked." in await page.locator("#status").text_content()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        dark = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert max(map(int, dark.removeprefix("rgb(").removesuffix(")").split(","))) < 64
        await page.keyboard.press("Escape")
        assert await page.locator("#evidence").is_hidden()
        assert await page.evaluate("document.activeElement.getAttribute('aria-label')") == first
        await page.locator(".cell").first.focus()
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("Enter")
        await page.get_by_text("Page 2 is open").wait_for()


async def test_the_strip_shows_which_pages_were_read_and_which_are_cited() -> None:
    read = ANSWER.documents[0].model_copy(update={"pages_read": ((2, 3), (9, 9))})
    async with opened_viewer(FakeAssistant(), [ANSWER.model_copy(update={"documents": (read,)})]) as (page, _):
        labels = await page.locator(".strip .cell").evaluate_all("(all) => all.map((each) => each.ariaLabel)")
    assert len(labels) == 9
    assert labels[:4] == ["Page 1, not read", "Page 2, read", "Page 3, read, cited 1 time", "Page 4, not read"]


async def test_where_nothing_was_found_the_closest_passages_open_as_well() -> None:
    closest = ANSWER.citations
    answer = ANSWER.model_copy(
        update={"claims": (), "citations": (), "closest": closest, "message": "The document does not say."}
    )
    async with opened_viewer(FakeAssistant(), [answer]) as (page, _):
        assert "Closest passages" in await page.locator("#answer").text_content()
        await page.locator(".mark").click()
        assert await page.locator("#text mark.active").text_content() == closest[0].quote


async def test_of_several_answers_one_is_chosen() -> None:
    other = ANSWER.model_copy(update={"question": "And the valve?"})
    async with opened_viewer(FakeAssistant(), [ANSWER, other]) as (page, _):
        assert await page.locator("#asked").text_content() == "And the valve?"
        await page.select_option("#turn", "0")
        assert await page.locator("#asked").text_content() == ANSWER.question


HOSTILE = (
    "<script>window.owned = 1</script><img src=http://127.0.0.1:9/x.png onerror='window.owned = 1'>"
    "<a href='javascript:window.owned=1'>press</a>{{script}}</script>\x1b[31m\x00\u202eevil\u2066<style>*{display:none}"
)


async def test_a_hostile_document_is_shown_as_text_and_nothing_is_asked_of_anybody() -> None:
    quote = Citation(
        id="1",
        document_id=DOCUMENT_ID,
        title=HOSTILE,
        page=1,
        place=HOSTILE,
        start=0,
        end=9,
        quote=HOSTILE,
        verified="exact",
    )
    info = DocumentInfo(document_id=DOCUMENT_ID, title=HOSTILE, pages=3, tokens=9, parsed=True, pages_read=((1, 2),))
    answer: Answer = ANSWER.model_copy(
        update={
            "question": HOSTILE,
            "claims": (Claim(text=HOSTILE, citations=("1",), supported="partly"),),
            "citations": (quote,),
            "documents": (info,),
            "warnings": (HOSTILE,),
        }
    )
    text = (MarkedText(text=HOSTILE), MarkedText(text=HOSTILE, quotes=(0,)))
    shown = EvidencePage(
        document_id=DOCUMENT_ID, title=HOSTILE, page=1, page_name=HOSTILE, pages_total=3, start=0, end=9, cut=False,
        text=text, note=HOSTILE,
    )  # fmt: skip
    async with opened_viewer(FakeAssistant(shown=shown), [answer]) as (page, requests):
        await page.locator(".mark").first.click()
        await page.wait_for_selector("#text mark.active")
        words = await page.locator("#text mark.active").text_content()
        assert words.startswith("<script>window.owned = 1</script><img src=http://127.0.0.1:9/x.png")
        assert not set(words) & {"\x1b", "\x00", "\u202e", "\u2066"}
        assert await page.evaluate("window.owned") is None
        assert await page.locator("a, main img, main script, main style").count() == 0
    assert requests == ["GET /", "POST /open", "GET /results", "POST /page"]
