"""The README's picture of the viewer: a question about the example, and its quote on its page.

python -m tests.support.viewer_picture FILE.png
"""

import asyncio
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from agents.assistant import Assistant
from agents.settings import Settings
from tests.support.viewing import opened_viewer

EXAMPLES = Path(__file__).parents[2] / "examples"
QUESTION = "What should the crew do if a battery container is smoking?"
COLOURS = 64


async def picture(data_dir: Path) -> bytes:
    """Return a PNG of the viewer with the first quote open."""
    documents = {"roots": [EXAMPLES]}
    assistant = Assistant(Settings(data_dir=data_dir, documents=documents, engine={"kind": "extractive"}))
    try:
        answer = await assistant.ask(QUESTION, [str(EXAMPLES / "station-handbook.pdf")])
        options = {"viewport": {"width": 1200, "height": 720}, "color_scheme": "light"}
        async with opened_viewer(assistant, [answer], **options) as (page, _):
            await page.locator(".mark").first.click()
            await page.wait_for_selector(".place.active")
            await page.evaluate("[window, document.getElementById('evidence')].forEach((each) => each.scrollTo(0, 0))")
            return await page.screenshot()
    finally:
        await assistant.close()


def main(path: str) -> None:
    """Write the picture, in few colours."""
    with tempfile.TemporaryDirectory() as folder:
        taken = asyncio.run(picture(Path(folder)))
    Image.open(io.BytesIO(taken)).convert("RGB").quantize(COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
