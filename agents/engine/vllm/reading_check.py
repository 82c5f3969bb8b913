"""Whether a started engine can read: it copies two sentences from a text before its first answer is trusted.

A KV cache of 8 bits leaves some models little of what they have read, and no error says so: the keys of Qwen2.5 carry
biases of up to 354, which E5M2 and E4M3 round to the same few values. With E5M2 it answers "r, rrrr of of rrrr"; with
E4M3 it finds the place, and gets 11 % of the quotes right that it copies, where it gets 73 % right with 16 bits. So the
sentences are long, and count only when they are whole. Qwen3 norms its keys and reads as well as before.
"""

import re

from agents.engine.vllm.probe import Probe

SENTENCE_TOKENS = 15
"""By Qwen's tokenizer, which gives each digit a token of its own."""
SENTENCES_ON_GPU = 270
"""Some 4,000 tokens: 0.3 s of prefill on the GPU that the engine was measured on."""
SENTENCES_ON_CPU = 27
"""Some 400 tokens: a CPU prefills 100 tokens a second with a model of 1.5 billion parameters."""
MAX_SECONDS = 180.0
"""For one answer; an engine that takes longer is of no use, whatever it reads."""
_MAX_TOKENS = 96
_NEAR = (
    "The key of the boathouse hangs behind the green door that Ingrid Vasquez painted in 1987, beside the tide table "
    "of Port Selby, two coils of tarred rope and a brass lantern with a cracked pane."
)
_FAR = (
    "The ferry to the island leaves the northern quay at ten past seven, calls at Mill Sound and at Low Pier, and lies "
    "there for 25 minutes so that Tobias Renner can unload the mail and the milk."
)
_ASKED = (("the ferry to the island", _FAR), ("the key of the boathouse", _NEAR))
"""What each sentence is about, and the sentence."""
_WORD = re.compile(r"\w+")
_COLOURS = ("red", "blue", "grey", "brown", "black", "white", "yellow")
_GOODS = ("ropes", "lamps", "sails", "anchors", "charts", "oars", "nets", "buoys", "flags", "pumps", "maps")


def reading_text(sentences: int) -> str:
    """Return a text of so many sentences, of some `SENTENCE_TOKENS` each, with one to copy near either end."""
    filler = [
        f"Shelf {number} of the store holds {number * 7 % 90 + 2} {_COLOURS[number % 7]} {_GOODS[number % 11]}."
        for number in range(1, sentences - 1)
    ]
    return " ".join([*filler[:2], _FAR, *filler[2:-2], _NEAR, *filler[-2:]])


def reading_failure(probe: Probe, model: str, sentences: int) -> str | None:
    """Return what the engine answered in place of a sentence it was to copy, or None where it has copied both.

    Args:
        probe: Asks the engine.
        model: The name it serves its model under.
        sentences: Of the text.

    Raises:
        NoAnswerError: It gave no answer at all.
    """
    text = reading_text(sentences)
    for about, sentence in _ASKED:
        prompt = f"{text}\n\nCopy from the text above, word for word, the one sentence about {about}."
        answer = probe.chat(model, prompt, _MAX_TOKENS, MAX_SECONDS)
        if " ".join(_words(sentence)) not in " ".join(_words(answer)):
            return f"asked to copy a sentence about {about} it wrote “{' '.join(answer.split())[:60]}”"
    return None


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
