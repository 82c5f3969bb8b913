"""Scripts that write no spaces between words, and what stands for a word in them: a pair of letters.

Chinese, Japanese and Thai are written without spaces; in Korean small words stick to the one before. A run of such
letters is cut at the small words and negations that its script gives away and at its numbers; what is left between
them is taken as pairs of letters that overlap. Search, matching and grounding all compare these units. A pair of a
word's own letters is found however the word is joined to its neighbours, and no dictionary has to know it.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple

from agents.language.numbers import EAST_ASIAN_NUMBER, east_asian_value

HAN = "\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
KANA = "\u3041-\u3096\u3099\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
HANGUL = "\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3"
# Thai and Lao, Burmese, Khmer: letters with their vowels and tones, without digits and marks between sentences.
SOUTH_EAST = "\u0e01-\u0e2e\u0e30-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1050-\u109d\u1780-\u17d3"
UNSPACED = HAN + KANA + HANGUL + SOUTH_EAST
"""The letters of all of these scripts, to be put between the brackets of a pattern."""
JOINED = HAN + KANA + "\u3001-\u3003\u3008-\u3011\u3014-\u301b\u30fb\uff01-\uff0f\uff1a-\uff1f"
"""Letters and marks of Chinese and Japanese: white space between two of them is only how a line was set."""

_KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_RUN = re.compile(f"[{UNSPACED}]+")
# Vowels and tones stand above, below or behind the letter that they belong to; some vowels of Thai and Lao before it.
_MARKS = "\u0e30-\u0e3a\u0e45\u0e47-\u0e4e\u0eb0-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u17b4-\u17d3\u3099\u309a"
_LETTER = re.compile(rf"[\u0e40-\u0e44\u0ec0-\u0ec4]?.[{_MARKS}]*", re.DOTALL)

# "Not more than" sets a limit: it is one word, and negates nothing.
_LIMIT = r"不得?(?:超过|超過|多于|多於|少于|少於|低于|低於|高于|高於|大于|大於|小于|小於|迟于|遲於|晚于|晚於|早于|早於)"
_NEGATION = (
    # Not what 不, 未 and 无 are part of in words that deny nothing: 不同 (different), 未来 (future), 无锡 (a city).
    r"不(?:得|能|可以?|会|會|应|應|准|准许|许|許|是|予|要|必)?(?![同仅僅但断斷锈鏽久过過管论論足良便动動满滿利善幸])"
    r"|没有?|沒有?|未(?:曾|能|经|經)?(?![来來婚])|(?<![有])无(?![锡线論论])|(?<![有])無(?![線料論])|(?<![切])勿|并非|並非|从不|從不"
    r"|ません|ない(?!し)|なかった|なく(?!な)|(?<=[かさたなまらわせてべめれけげ])ず(?=[、。に]|$)"
    r"|않\w{0,3}|아니\w{0,3}|없\w{0,3}|(?<!\w)못(?=하|합|한)|불가\w{0,2}"
    r"|ไม่|มิได้|ห้าม"
)
# Longer forms before shorter ones. Single Chinese letters only where they are hardly ever part of a longer word.
_FUNCTION = (
    r"是什么时候|是什麼時候|叫什么|叫什麼|叫做|是多少|有多少|多少钱|多少錢|多少|是什么|是什麼|为什么|為什麼|什么时候|什麼時候|什么|什麼|怎么样|怎么|怎麼|如何|哪里|哪裡|哪儿|"
    r"哪些|哪个|哪個|哪一[个年天位]|哪[年天位]?|几[个時时点]|多久|多长时间|多长|多大|多高|多远|是谁|由谁|谁|誰が|誰に|誰|为何|為何|何时|何時|"
    r"是否|请问|請問|关于|關於|根据|根據|以及|或者|并且|我们|我們|他们|他們|它们|这个|這個|这些|這些|那个|那個|那些|必须|必須|可以|应当|應當|"
    r"(?<![目标標])的(?!士)|了(?!解)|是(?!非)|吗|嗎|呢|吧|及其|和(?![平解谐諧服歌])|与(?!会)|與(?!會)"
    # Japanese: what asks, the forms of to be, to do and to say, and particles between other scripts.
    r"|何(?=です|で[しす]|が|を|に|か|と|の|人[^物間]|年|日|時|回|個|円)|幾つ|"
    r"という|といい|と言い|ですか|でしたか|ますか|ましたか|でしょうか|のでしょう|である|であり|であった|でした|です|ました|ます|"
    r"されて(?:いる|いた|います|いました)|されて|される|された|されます|され|して(?:いる|いた|います|いました)|しました|します|して|した|する|"
    r"できる|できます|いくら|いくつ|どの(?:よう|くらい|ぐらい)|どこ|どれ|どの|どんな|どう|いつ|だれ|なぜ|なに|なん|この|その|あの|これ|それ|"
    r"ください|(?:ており|ている|ていた|ています|ていました)|います|いました|あります|ありました|ある|あった|いる|いた|における|において|について|に対して|に対する|"
    r"によって|による|により|として|ために|ため|こと|もの|ところ|ときに|とき|ように|ような|よう|から|まで|より|など|だけ|には|では|とは|へは|にも|でも|との|への|での|"
    r"(?<![ぁ-ん])[はがをにのとでもへやか](?![ぁ-ん])|(?<![ぁ-ん])[はがをにのとでもへや](?=[ぁ-ん])|[をは](?![ぁ-ん])|(?<=[ぁ-ん]{2})[のはがをにでと](?=[ァ-ヶ一-龥])"
    # Korean: what asks, and particles behind a word of two syllables at least.
    r"|무엇\w{0,4}|얼마\w{0,4}|언제\w{0,4}|어디\w{0,4}|누구\w{0,4}|누가|어떤|어떻게|왜|몇|어느|그리고|또는|및"
    r"|며칠\w{0,3}|(?<=[가-힣])(?:입니까|인가요|습니까|나요|입니다|습니다|합니다|됩니다|에서는|에서|에게|까지|부터)(?![가-힣])"
    r"|(?<=[가-힣]{2})(?:인가|한다|된다|이다|하는|되는|으로는|으로|이나|에는|은|는|이|가|을|를|의|에|로|와|과|도|만)(?![가-힣])"
    # Thai.
    r"|เท่าไหร่|เท่าไร|เมื่อไหร่|เมื่อไร|เมื่อใด|อย่างไร|ที่ไหน|ทำไม|อะไร|ใคร|กี่|ไหน|หรือไม่|หรือ|และ|ของ|คือ|ที่|ซึ่ง|ครับ|ค่ะ"
)
_PARTS = re.compile(
    rf"(?P<limit>{_LIMIT})|(?P<function>หรือไม่)|(?P<negation>{_NEGATION})|(?P<number>{EAST_ASIAN_NUMBER})|(?P<small>{_FUNCTION})"
)

Kind = Literal["pair", "number", "function", "negation"]


class Unit(NamedTuple):
    """What stands for a word: `run[start:end]`."""

    text: str
    """As it is compared: a number's value in digits, a limit without the "may" in it."""
    start: int
    end: int
    kind: Kind


def units(text: str) -> Iterator[Unit]:
    """Yield the units of all runs of these scripts in a text, in order; offsets are the text's."""
    for run in _RUN.finditer(text):
        for unit in _units_of_run(run.group()):
            yield unit._replace(start=unit.start + run.start(), end=unit.end + run.start())


@lru_cache(maxsize=4_096)
def _units_of_run(run: str) -> tuple[Unit, ...]:
    found: list[Unit] = []
    position = 0
    for part in _PARTS.finditer(run):
        found.extend(_pairs(run, position, part.start()))
        position = part.end()
        written, kind = part.group(), part.lastgroup
        if kind == "limit":
            found.append(Unit("不" + written.lstrip("不得"), part.start(), position, "pair"))
        elif kind == "number":
            found.append(Unit(east_asian_value(written), part.start(), position, "number"))
        else:
            found.append(Unit(written, part.start(), position, "negation" if kind == "negation" else "function"))
    found.extend(_pairs(run, position, len(run)))
    return tuple(found)


# Where Japanese changes its script a word ends, or its ending begins.
_ONE_SCRIPT = re.compile(f"[ぁ-ゟ]+|[{_KATAKANA}]+|[^ぁ-ゟ{_KATAKANA}]+")
_HIRAGANA = re.compile("[ぁ-ゟ]")


def _pairs(run: str, start: int, end: int) -> Iterator[Unit]:
    """Yield the overlapping pairs of letters of `run[start:end]`, none of two scripts.

    A letter by itself is a unit where it is the only one. In Hiragana it is an ending, as is all that follows another
    script: 戻る and 戻り are both 戻.
    """
    for part in _ONE_SCRIPT.finditer(run, start, end):
        ending = _HIRAGANA.match(part.group()) is not None
        ends_word = ending and part.start() > 0 and not _HIRAGANA.match(run[part.start() - 1])
        letters = [match.span() for match in _LETTER.finditer(run, *part.span())]
        if len(letters) == 1:
            yield Unit(part.group(), *part.span(), "function" if ending else "pair")
        for (first, _), (_, last) in pairwise(letters):
            yield Unit(run[first:last], first, last, "function" if ends_word else "pair")


_LINE_END = re.compile(rf"(?<=[{JOINED}])[ \t\u3000]*\n[ \t\u3000]*(?=[{JOINED}])")


def join_lines(text: str) -> str:
    """Return a text without the line ends between two letters of Chinese or Japanese: a space would part a word."""
    return text if text.isascii() else _LINE_END.sub("", text)


def holds_unspaced(text: str) -> bool:
    """Whether a text holds letters of these scripts."""
    return not text.isascii() and _RUN.search(text) is not None


def is_unspaced(text: str) -> bool:
    """Whether a text begins with a letter of one of these scripts."""
    return _RUN.match(text) is not None


_NOT_SPACED = HAN + KANA + SOUTH_EAST
_SPACED = re.compile(r"\S+")
_PIECE = re.compile(rf"[{HAN}{KANA}]|[{SOUTH_EAST}]{{1,2}}|(?:(?![{_NOT_SPACED}])\S)+")
# A word of Chinese mostly has two letters, in Japanese with a particle or an ending; one of Thai four, vowels included.
_LENGTH = re.compile(
    rf"(?:[{HAN}]{{1,2}}[{KANA}]{{0,2}}|[{KANA}]{{1,4}}|[{SOUTH_EAST}]{{1,4}})[^\w\s]*|(?:(?![{_NOT_SPACED}])\S)+"
)


def pieces(text: str, start: int = 0, end: int | None = None) -> Iterator[re.Match[str]]:
    """Find what `text[start:end]` is aligned by: words between spaces, and the letters of scripts that write none.

    Korean has its spaces.
    """
    return (_SPACED if text.isascii() else _PIECE).finditer(text, start, len(text) if end is None else end)


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return the spans by which a text's length is measured: its words, pairs of letters in scripts without spaces."""
    return [match.span() for match in (_SPACED if text.isascii() else _LENGTH).finditer(text)]


def count_words(text: str) -> int:
    """Return the length of a text in words."""
    return len(word_spans(text))
