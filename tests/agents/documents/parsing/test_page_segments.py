"""The words of a page, and which of them go on from one another."""

from collections.abc import Sequence

import pypdfium2

from agents.documents.parsing.page_segments import TextPage


def typewritten(lines: Sequence[str]) -> bytes:
    """Return a PDF in a font whose letters are all 600 wide and no more than 800 high, where a space is 0.8 heights."""
    content = "BT /F 10 Tf 14 TL 40 800 Td " + " ".join(f"({line}) Tj T*" for line in lines) + " ET"
    font = "/Type /Font /Subtype /TrueType /BaseFont /CourierNewPSMT /Encoding /WinAnsiEncoding /FontDescriptor 6 0 R"
    box = "/Flags 33 /FontBBox [0 -188 600 612] /ItalicAngle 0 /Ascent 612 /Descent -188 /CapHeight 571 /StemV 40"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        f"<< {font} /FirstChar 32 /LastChar 126 /Widths [{' '.join(['600'] * 95)}] >>",
        f"<< /Type /FontDescriptor /FontName /CourierNewPSMT {box} >>",
    ]
    numbered = (f"{number} 0 obj\n{each}\nendobj\n" for number, each in enumerate(objects, 1))
    return ("%PDF-1.4\n" + "".join(numbered) + "trailer << /Size 7 /Root 1 0 R >>\n%%EOF").encode()


def test_the_words_of_a_typewriter_go_on_over_one_space_and_its_columns_stand_apart() -> None:
    pdf = pypdfium2.PdfDocument(typewritten(["The fee is due on the first of each month", "Pump   runs  slowly"]))
    page = pdf[0]
    text = TextPage(page.raw)

    found = [segment.text for segment in text.segments()]

    text.close()
    page.close()
    pdf.close()
    assert found == ["The fee is due on the first of each month", "Pump", "runs", "slowly"]
