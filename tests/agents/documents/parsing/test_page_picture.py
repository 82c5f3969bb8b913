import base64
import io
from pathlib import Path

import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from agents.documents.library import Library
from agents.documents.parsing.page_picture import MAX_PIXELS, WIDTH, Drawing, draw
from agents.errors import DocumentError
from agents.schema import PagePicture
from tests.support.samples import write_pdf
from tests.support.viewing import assert_marked, letters_at

CASES = Path(__file__).parents[3] / "cases"


def drawn(path: str, page: int, *quotes: tuple[str, ...]) -> PagePicture:
    data = Path(path).read_bytes()
    return PagePicture.model_validate_json(draw(data, "a.pdf", Drawing(page, quotes)))


def test_a_quote_over_two_lines_is_marked_where_its_letters_stand(handbook: str) -> None:
    words = "The crew presses the red button at the compound gate, which disconnects both containers"
    (places,) = drawn(handbook, 19, (words,)).places
    assert len(places) == 2
    assert_marked(places, letters_at(handbook, 19, words))


def test_the_picture_is_the_page(tmp_path: Path) -> None:
    picture = drawn(write_pdf(tmp_path / "a.pdf", [["One line", "Another line"]]), 1)
    image = Image.open(io.BytesIO(base64.b64decode(picture.webp)))
    assert (image.width, image.height) == (picture.width, picture.height)
    assert image.width == WIDTH
    assert image.convert("L").getextrema()[0] < 60


def test_of_the_same_words_twice_those_in_the_same_surroundings_are_marked(handbook: str) -> None:
    title = "Brennholm Station: Operating Handbook for Water and Power"
    (places,) = drawn(handbook, 1, (title, "", "Document BH-OH-01")).places
    (foot,) = drawn(handbook, 1, (title, "", "Page 1")).places
    assert max(bottom for *_, bottom in places) < 0.5
    assert len(foot) == 1
    assert foot[0][1] > 0.9


def test_what_hyphens_and_cells_part_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    canvas = Canvas(str(path))
    canvas.drawString(60, 700, "The over-")
    canvas.drawString(60, 685, "flow basin is emp-")
    canvas.drawString(60, 670, "tied in May.")
    for x, words in ((60, "Seal"), (200, "12 euros"), (340, "steel")):
        canvas.drawString(x, 600, words)
    canvas.save()
    hyphens, cells, swapped = drawn(
        str(path), 1, ("The overflow basin is emptied in May.",), ("Seal | 12 euros | steel",), ("steel\nSeal",)
    ).places
    assert len(hyphens) == 3
    assert len(cells) == 3
    assert len({top for _, top, _, _ in cells}) == 1
    assert {left for left, *_ in swapped} == {cells[0][0], cells[2][0]}


def test_a_turned_page_is_marked_as_it_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    canvas = Canvas(str(path), pagesize=(400, 800))
    canvas.setPageRotation(90)
    canvas.saveState()
    canvas.rotate(90)
    canvas.drawString(100, -40, "Read me upright.")
    canvas.restoreState()
    canvas.save()
    picture = drawn(str(path), 1, ("Read me upright.",))
    assert picture.height == 2 * picture.width
    image = Image.open(io.BytesIO(base64.b64decode(picture.webp))).convert("L")
    left, top, right, bottom = image.point(lambda value: 255 * (value < 128)).getbbox() or ()
    ((box_left, box_top, box_right, box_bottom), *others) = picture.places[0]
    assert others == []
    assert box_left * image.width - 8 < left < right < box_right * image.width + 8
    assert box_top * image.height - 8 < top < bottom < box_bottom * image.height + 8


def test_what_is_not_on_the_page_is_marked_nowhere(handbook: str) -> None:
    assert drawn(handbook, 19, ("No such words stand here at all",), ("",), ("—",)).places == ((), (), ())


def test_a_page_as_large_as_a_wall_is_drawn_within_bounds(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    canvas = Canvas(str(path), pagesize=(100, 14_000))
    canvas.drawString(10, 10, "Low")
    canvas.save()
    picture = drawn(str(path), 1)
    assert picture.width * picture.height <= 1.1 * MAX_PIXELS


@pytest.mark.parametrize("page", [0, 26, 10**9])
def test_there_is_no_picture_of_a_page_that_is_not_there(handbook: str, page: int) -> None:
    with pytest.raises(DocumentError, match="has no page"):
        drawn(handbook, page)


async def test_the_library_draws_only_pdfs(library: Library, handbook: str, tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("Plain words.")
    opened, plain = await library.open(handbook), await library.open(str(text))
    picture = await library.picture(opened.document_id, 19, [("smoking, hot or sounding", "", "")])
    assert picture
    assert_marked(picture.places[0], letters_at(handbook, 19, "smoking, hot or sounding"))
    assert await library.picture(plain.document_id, 1) is None
    with pytest.raises(DocumentError, match="has no page 99"):
        await library.picture(opened.document_id, 99)
