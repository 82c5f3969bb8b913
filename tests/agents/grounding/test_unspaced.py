"""Quotes and claims in Chinese, Japanese, Korean and Thai."""

import pytest

from agents.grounding.claims import UncheckedClaim, ground
from agents.grounding.quotes import locate
from agents.schema import Document, Page

CHINESE = "渡船每天早上六点开始营运。成人票价为八元，儿童票价为四元。乘客不得携带易燃物品。违者罚款二百元。"
JAPANESE = "大人の料金は八百円、子どもの料金は四百円です。持ち込みはできません。違反者には２万円の罰金が科されます。"
KOREAN = "성인 요금은 8,000원이다. 승객은 인화성 물질을 휴대할 수 없다. 위반자에게는 20만원의 벌금을 부과한다."
THAI = "ค่าโดยสารสำหรับผู้ใหญ่ ๒๐ บาท\nห้ามผู้โดยสารนำวัตถุไวไฟขึ้นเรือ"
CONTRACT = (
    "合同期满前三\n十日内，任何一方均可书面通知对方终止本合同；逾期未通知的，\n本合同自动续期一年。"
    "违约金总额不得超过合同总额的百分之二十。总价一千二百元。"
)


def as_document(text: str) -> Document:
    page = Page(number=1, start=0, end=len(text))
    return Document(document_id="d", title="T", name="t.txt", text=text, pages=(page,))


@pytest.mark.parametrize(
    ("text", "claim", "quote", "support"),
    [
        (CHINESE, "成人票价是八元。", "成人票价为八元", "supported"),
        (CHINESE, "成人票价是8元。", "成人票价为八元", "supported"),
        (CHINESE, "成人票价是九元。", "成人票价为八元", "partly"),
        (CHINESE, "成人票价是９元。", "成人票价为八元", "not"),
        (CHINESE, "成人和儿童共计12元。", "成人票价为八元，儿童票价为四元", "supported"),
        (CHINESE, "乘客不能携带易燃物品。", "乘客不得携带易燃物品。", "supported"),
        (CHINESE, "乘客可以携带易燃物品。", "乘客不得携带易燃物品。", "not"),
        (JAPANESE, "大人の料金は800円です。", "大人の料金は八百円", "supported"),
        (JAPANESE, "大人の料金は900円です。", "大人の料金は八百円", "not"),
        (JAPANESE, "罰金は20,000円です。", "違反者には2万円の罰金が科されます", "supported"),
        (JAPANESE, "持ち込みはできます。", "持ち込みはできません。", "not"),
        (KOREAN, "벌금은 200,000원이다.", "위반자에게는 20만원의 벌금을 부과한다", "supported"),
        (KOREAN, "성인 요금은 9,000원이다.", "성인 요금은 8,000원이다.", "not"),
        (KOREAN, "승객은 인화성 물질을 휴대할 수 있다.", "승객은 인화성 물질을 휴대할 수 없다.", "not"),
        (THAI, "ค่าโดยสารผู้ใหญ่ 20 บาท", "ค่าโดยสารสำหรับผู้ใหญ่ ๒๐ บาท", "supported"),
        (THAI, "ค่าโดยสารผู้ใหญ่ 30 บาท", "ค่าโดยสารสำหรับผู้ใหญ่ ๒๐ บาท", "not"),
    ],
)
def test_numbers_and_negations_of_a_claim_must_be_those_of_its_quote(
    text: str, claim: str, quote: str, support: str
) -> None:
    (grounded,) = ground([UncheckedClaim(claim, (quote,))], [as_document(text)], {})

    assert grounded.support == support


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("合同期满前三十日内，任何一方均可书面通知对方", "合同期满前三\n十日内，任何一方均可书面通知对方"),
        ("合同期满前三十日以内,任何一方均可以书面通知对方终止", "合同期满前三\n十日内，任何一方均可书面通知对方终止"),
        ("合同期满前五十日内，任何一方均可书面通知对方终止本合同", None),
        ("违约金总额超过合同总额的百分之二十", None),
        ("二百元", None),
        ("超过合同总额的百分之二十", "不得超过合同总额的百分之二十"),
    ],
)
def test_a_quote_is_found_across_line_ends_with_its_own_numbers_and_negations(quote: str, found: str | None) -> None:
    located = locate(quote, as_document(CONTRACT))

    assert (located and located.quote) == found


def test_a_short_quote_is_shown_with_its_sentence_and_no_others() -> None:
    (claim,) = ground([UncheckedClaim("票价是八元。", ("票价为八元",))], [as_document(CHINESE)], {})

    assert claim.quotes[0].located.quote == "成人票价为八元，儿童票价为四元。"
