"""Questions in Chinese, Japanese, Korean and Thai, answered by rule."""

from collections.abc import Callable

from agents.engine.extractive.answering import excerpts
from agents.engine.tasks.answering import Excerpts
from agents.schema import Passage

CHINESE = """青山水库管理手册

水库建于一九六八年，由省水利厅负责修建。大坝高四十五米，长三百二十米。
汛期为每年六月至九月。汛期内，水位不得超过一百一十八米。值班人员每两小时记录一次水位。
站长王建国负责全面工作，副站长李秀英负责设备维护。设备每三个月检修一次。备用发电机存放在二号仓库。
游客可在停车场停车，停车费每次十元。水库内禁止游泳，因为水下有暗流。违者处以五百元以下罚款。
"""
TRADITIONAL = """圖書館規則
第一條 開館時間為上午九時至下午八時。
第二條 每人每次最多可借十二本書，借期三十天。
第三條 逾期每日罰款五元。遺失者須照價賠償。
"""
JAPANESE = """緑川図書館利用案内

当館は1987年に開館しました。毎週月曜日は休館日です。貸出は一人１０冊まで、期間は2週間です。
延滞した場合は、1日につき10円の延滞料をいただきます。館長は田中一郎です。児童室は2階にあります。
"""
KOREAN = """한빛 도서관 이용 안내

도서관은 1992년에 문을 열었습니다. 매주 월요일은 휴관합니다. 한 사람이 최대 5권을 빌릴 수 있습니다.
연체료는 하루에 100원입니다. 관장은 김민수입니다. 어린이실은 2층에 있습니다.
"""
THAI = """คู่มือการใช้ห้องสมุดบ้านสวน

ห้องสมุดเปิดให้บริการครั้งแรกเมื่อปี พ.ศ. 2535 ปิดทุกวันจันทร์
สมาชิกยืมหนังสือได้ครั้งละ 5 เล่ม ค่าปรับวันละ 5 บาท
ผู้อำนวยการคือนายสมชาย ใจดี ห้องเด็กอยู่ชั้น 2
"""
CONTRACT = """本合同自双方签字盖章之日起生效，有效期为三年。甲方应于每月十
日前支付服务费人民币三万五千元整。乙方迟延交付的，每迟延一日应
支付合同总额千分之五的违约金。本合同争议由上海仲裁委员会仲裁。"""


QUESTIONS = [
    (CHINESE, "大坝有多高？", "四十五米"),
    (CHINESE, "水库是什么时候修建的？", "一九六八年"),
    (CHINESE, "谁负责设备维护？", "李秀英"),
    (CHINESE, "设备多久检修一次？", "三个月"),
    (CHINESE, "备用发电机放在哪里？", "二号仓库"),
    (CHINESE, "为什么禁止游泳？", "暗流"),
    (CHINESE, "汛期水位最高是多少？", "一百一十八米"),
    (CHINESE, "站长叫什么名字？", "王建国"),
    (TRADITIONAL, "每人最多可借幾本書？", "十二本"),
    (TRADITIONAL, "借期多久？", "三十天"),
    (TRADITIONAL, "逾期罰款多少？", "五元"),
    (CONTRACT, "合同有效期多久？", "三年"),
    (CONTRACT, "服务费是多少？", "三万五千元"),
    (JAPANESE, "図書館はいつ開館しましたか？", "1987年"),
    (JAPANESE, "休館日はいつですか", "月曜日"),
    (JAPANESE, "貸出は何冊までですか？", "１０冊"),
    (JAPANESE, "延滞料はいくらですか？", "10円"),
    (JAPANESE, "館長は誰ですか？", "田中一郎"),
    (KOREAN, "도서관은 언제 문을 열었습니까?", "1992년"),
    (KOREAN, "연체료는 얼마인가요?", "100원"),
    (KOREAN, "관장은 누구입니까?", "김민수"),
    (THAI, "ค่าปรับวันละเท่าไหร่", "5 บาท"),
    (THAI, "ผู้อำนวยการคือใคร", "สมชาย"),
    (THAI, "ห้องสมุดปิดวันไหน", "วันจันทร์"),
]


def test_questions_are_answered_by_the_sentences_that_do_as_in_english(passage: Callable[..., Passage]) -> None:
    claims = [excerpts(Excerpts(question=asked, evidence=(passage(text),))).claims for text, asked, _ in QUESTIONS]
    at_first = [answer in found[0].text for found, (_, _, answer) in zip(claims, QUESTIONS, strict=True)]

    assert all(claims)
    assert sum(at_first) >= 0.9 * len(QUESTIONS)
