"""Scripts that write no spaces between words, and what stands for a word in them: a pair of letters.

Chinese, Japanese and Thai are written without spaces; in Korean small words stick to the one before. A run of such
letters is cut at the small words and negations that its script gives away and at its numbers; what is left between
them is taken as pairs of letters that overlap. Search, matching and grounding all compare these units. A pair of a
word's own letters is found however the word is joined to its neighbours, and no dictionary has to know it.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from agents.language.numbers import EAST_ASIAN_NUMBER, HAN_NUMERALS, east_asian_value

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
_MARKED = re.compile(f"[{SOUTH_EAST}{_MARKS}]")
_LETTER = re.compile(rf"[\u0e40-\u0e44\u0ec0-\u0ec4]?.[{_MARKS}]*", re.DOTALL)

# "Not more than" sets a limit: it is one word, and negates nothing.
_LIMIT = r"不得?(?:超过|超過|多于|多於|少于|少於|低于|低於|高于|高於|大于|大於|小于|小於|迟于|遲於|晚于|晚於|早于|早於)"
# Of each script, what negates and the other small words, longer forms before shorter ones.
_CHINESE = (
    # Not what 不, 未 and 无 are part of in words that deny nothing: 不同 (different), 未来 (future), 无锡 (a city).
    (
        r"不(?:得|能|可以?|会|會|应|應|准|准许|许|許|是|予|要|必)?(?![同仅僅但断斷锈鏽久过過管論论足良便动動满滿利善幸])"
        r"|没有?|沒有?|未(?:曾|能|经|經)?(?![来來婚])|(?<!有)无(?![锡線线論论])|(?<!有)無(?![線料論])|(?<!切)勿|并非|並非|从不|從不"
    ),
    # Single letters only where they are hardly ever part of a longer word. 何 asks in Japanese.
    (
        r"是什么时候|是什麼時候|叫什么|叫什麼|叫做|是多少|有多少|多少钱|多少錢|多少|是什么|是什麼|为什么|為什麼|什么时候|什麼時候|什么|什麼|怎么样|"
        r"怎么|怎麼|如何|哪里|哪裡|哪儿|哪些|哪个|哪個|哪一[个年天位]|哪[年天位]?|几[个時时点]|多久|多长时间|多长|多大|多高|多远|是谁|由谁|谁|"
        r"誰[がに]|誰|为何|為何|何时|何時|是否|请问|請問|关于|關於|根据|根據|以及|或者|并且|我们|我們|他们|他們|它们|这个|這個|这些|這些|那个|那個|"
        r"那些|必须|必須|可以|应当|應當|(?<![目标標])的(?!士)|了(?!解)|是(?!非)|吗|嗎|呢|吧|及其|和(?![平解谐諧服歌])|与(?!会)|與(?!會)|"
        r"何(?=です|で[しす]|が|を|に|か|と|の|人[^物間]|年|日|時|回|個|円)|幾つ"
    ),
)
_JAPANESE = (
    r"ません|ない(?!し)|なかった|なく(?!な)|(?<=[かさたなまらわせてべめれけげ])ず(?=[、。に]|$)",
    # What asks, the forms of to be, to do and to say, and particles between other scripts.
    (
        r"という|といい|と言い|ですか|でしたか|ますか|ましたか|でしょうか|のでしょう|である|であり|であった|でした|です|ました|ます|"
        r"されて(?:いる|いた|います|いました)|されて|される|された|されます|され|して(?:いる|いた|います|いました)|しました|します|して|した|する|"
        r"できる|できます|いくら|いくつ|どの(?:よう|くらい|ぐらい)|どこ|どれ|どの|どんな|どう|いつ|だれ|なぜ|なに|なん|この|その|あの|これ|それ|"
        r"ください|(?:ており|ている|ていた|ています|ていました)|います|いました|あります|ありました|ある|あった|いる|いた|における|において|について|"
        r"に対して|に対する|によって|による|により|として|ために|ため|こと|もの|ところ|ときに|とき|ように|ような|よう|から|まで|より|など|だけ|"
        r"には|では|とは|へは|にも|でも|との|への|での|(?<![ぁ-ん])[はがをにのとでもへやか](?![ぁ-ん])|"
        r"(?<![ぁ-ん])[はがをにのとでもへや](?=[ぁ-ん])|[をは](?![ぁ-ん])|(?<=[ぁ-ん]{2})[のはがをにでと](?=[ァ-ヶ一-龥])"
    ),
)
_KOREAN = (
    r"않\w{0,3}|아니\w{0,3}|없\w{0,3}|(?<!\w)못(?=하|합|한)|불가\w{0,2}",
    # What asks, and particles behind a word; those of one letter only behind two, for they end words as well.
    (
        r"무엇\w{0,4}|얼마\w{0,4}|언제\w{0,4}|어디\w{0,4}|누구\w{0,4}|누가|어떤|어떻게|왜|몇|며칠\w{0,3}|어느|그리고|또는|및"
        r"|(?<=[가-힣])(?:입니까|인가요|습니까|나요|입니다|습니다|합니다|됩니다|에서는|에서|에게|까지|부터)(?![가-힣])"
        r"|(?<=[가-힣]{2})(?:인가|한다|된다|이다|하는|되는|으로는|으로|이나|에는|은|는|이|가|을|를|의|에|로|와|과|도|만)(?![가-힣])"
    ),
)
_THAI = (
    r"ไม่|มิได้|ห้าม",
    r"เท่าไหร่|เท่าไร|เมื่อไหร่|เมื่อไร|เมื่อใด|อย่างไร|ที่ไหน|ทำไม|อะไร|ใคร|กี่|ไหน|หรือไม่|หรือ|และ|ของ|คือ|ที่|ซึ่ง|ครับ|ค่ะ",
)


def _of_script(letters: str, negation: str, function: str, name: str) -> str:
    """Return a pattern of one script's small words, which is tried only at letters that the words are written in."""
    own = "".join(sorted(set(re.findall(f"[{letters}]", negation + function))))
    return rf"(?=[{own}])(?:(?P<negation_{name}>{negation})|(?P<function_{name}>{function}))"


_PARTS = re.compile(
    rf"(?P<limit>{_LIMIT})|(?P<number>(?=[{HAN_NUMERALS}]){EAST_ASIAN_NUMBER})|"
    + "|".join(
        _of_script(letters, *words, name)
        for letters, words, name in (
            (HAN, _CHINESE, "chinese"),
            (KANA, _JAPANESE, "japanese"),
            (HANGUL, _KOREAN, "korean"),
            (SOUTH_EAST, _THAI, "thai"),
        )
    )
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
    """Yield the units of all runs of these scripts in a text, in order; takes time linear in the text."""
    for run in _RUN.finditer(text):
        position = run.start()
        for part in _PARTS.finditer(text, position, run.end()):
            start, end = part.span()
            yield from _pairs(text, position, start)
            written, kind = part.group(), part.lastgroup or ""
            if kind == "limit":
                yield Unit("不" + written.lstrip("不得"), start, end, "pair")
            elif kind == "number":
                yield Unit(east_asian_value(written), start, end, "number")
            else:
                yield Unit(written, start, end, "negation" if kind.startswith("negation") else "function")
            position = end
        yield from _pairs(text, position, run.end())


# Where Japanese changes its script a word ends, or its ending begins.
_ONE_SCRIPT = re.compile(f"[ぁ-ゟ]+|[{_KATAKANA}]+|[^ぁ-ゟ{_KATAKANA}]+")
_HIRAGANA = re.compile("[ぁ-ゟ]")
_KANJI_OR_KATAKANA = re.compile(f"[{HAN}{_KATAKANA}]")
_EDGES_OF_ONE = 2


def _pairs(text: str, start: int, end: int) -> Iterator[Unit]:
    """Yield the overlapping pairs of letters of `text[start:end]`, none of two scripts.

    A letter by itself is a unit where it is the only one. In Hiragana it is an ending, as is all that follows another
    script: 戻る and 戻り are both 戻.
    """
    for part in _ONE_SCRIPT.finditer(text, start, end):
        first, last = part.span()
        ending = _HIRAGANA.match(text, first) is not None
        behind = ending and first > 0 and _KANJI_OR_KATAKANA.match(text, first - 1) is not None
        if _MARKED.search(text, first, last):
            edges = [first, *(match.end() for match in _LETTER.finditer(text, first, last))]
        else:
            edges = range(first, last + 1)
        if len(edges) == _EDGES_OF_ONE:
            yield Unit(text[first:last], first, last, "function" if ending else "pair")
        for begin, close in zip(edges, edges[2:], strict=False):
            yield Unit(text[begin:close], begin, close, "function" if behind else "pair")


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
