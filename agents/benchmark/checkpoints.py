"""Checkpoints without a download: a tiny random Qwen3 to run everywhere, and the true shape of Qwen3-4B for a GPU.

    python -m agents.benchmark.checkpoints tiny FOLDER [--layers N]    # under 5 MB, the same bytes every time
    python -m agents.benchmark.checkpoints qwen3-4b-fp8 FOLDER         # config and tokenizer, for --load-format dummy

Both answer without meaning. The tokenizer is a byte-pair vocabulary trained here on made-up sentences; the
chat template writes messages in Qwen3's format.
"""

import argparse
import itertools
import json
import random
import struct
from pathlib import Path
from typing import Any

import numpy as np

VOCABULARY = 1_536
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CHAT_TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
_WORDS = str.split(
    "the a of and to in is was for on with at by from as it that this each every first second last new old small large "
    "pump valve station report engineer window pressure temperature record document section page question answer "
    "contract supplier delivery invoice payment schedule inspection maintenance water power panel sensor reading "
    "checked replaced measured signed noted found shall must may should before after during within under over between "
    "January March May July October Monday Friday morning evening days weeks months years percent bar degrees litres"
)
_SYLLABLES = ("ka", "mo", "rin", "tel", "sa", "vor", "du", "ne", "lim", "pas", "tor", "gen", "ari", "bel", "cu", "fen")
_PROJECTIONS = ("self_attn.q", "self_attn.k", "self_attn.v", "self_attn.o", "mlp.gate", "mlp.up", "mlp.down")
_JSON_PIECES = ['{"next": ["retrieval"]} {"claims": [{"text": "", "quotes": [""]}], "not_found": false}'] * 20


def sentences(count: int, seed: int = 7) -> str:
    """Return made-up sentences, the same for the same seed."""
    source = random.Random(seed)  # noqa: S311 - reproducible, nothing is secret
    invented = random.Random(1)  # noqa: S311 - reproducible, nothing is secret
    known = _WORDS + ["".join(invented.choices(_SYLLABLES, k=invented.randint(2, 4))) for _ in range(600)]
    made: list[str] = []
    for number in range(count):
        chosen = source.choices(known, k=source.randint(6, 18))
        made.append(f"{' '.join(chosen).capitalize()} {number + 1}, {source.randint(1, 9_999)}.")
    return " ".join(made)


def write_tokenizer(folder: Path, size: int = VOCABULARY) -> None:
    """Train and write tokenizer.json with its configuration and the chat template.

    Beyond VOCABULARY, invented words fill the vocabulary up to `size`: text never becomes them, but a random
    model writes them, and constrained decoding works as hard as with a real vocabulary.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    words = pre_tokenizers.Split(Regex(r"\p{N}|\s?[^\s\p{N}]+|\s+"), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [words, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator([sentences(1_500), *_JSON_PIECES], trainer)
    trained = json.loads(tokenizer.to_str())
    vocabulary: dict[str, int] = trained["model"]["vocab"]
    source = random.Random(2)  # noqa: S311 - reproducible, nothing is secret
    while len(vocabulary) < size:
        word = "".join(source.choices(_SYLLABLES, k=source.randint(2, 5)))
        vocabulary.setdefault(word, len(vocabulary))
    _write_json(folder / "tokenizer.json", trained)
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>",
            "model_max_length": 262_144,
            "clean_up_tokenization_spaces": False,
            "chat_template": CHAT_TEMPLATE,
        },
    )


def write_tiny(folder: Path, layers: int = 1, seed: int = 11, *, fp8_format: bool = False) -> Path:
    """Write a random Qwen3 checkpoint of a quarter of a million parameters; the same seed gives the same bytes.

    With `fp8_format` its config says that it is in the official block-FP8 format with no layer converted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder)
    config = _qwen3(layers=layers, hidden=64, intermediate=128, heads=2, kv_heads=1, head_dim=32, vocabulary=VOCABULARY)
    if fp8_format:
        config["quantization_config"] = _block_fp8(
            ["lm_head", *(f"model.layers.{layer}.{name}_proj" for layer in range(layers) for name in _PROJECTIONS)]
        )
    _write_json(folder / "config.json", config | {"tie_word_embeddings": False})
    _write_safetensors(folder / "model.safetensors", _weights(config, np.random.default_rng(seed)))
    return folder


def write_qwen3_4b_fp8(folder: Path) -> Path:
    """Write the config of Qwen3-4B-Instruct-2507 in the official block-FP8 format, for dummy weights.

    Every size stands in the published config.json of Qwen/Qwen3-4B-Instruct-2507-FP8.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder, size=151_936)
    shape = _qwen3(layers=36, hidden=2_560, intermediate=9_728, heads=32, kv_heads=8, head_dim=128, vocabulary=151_936)
    norms = ("input_layernorm", "post_attention_layernorm", "self_attn.q_norm", "self_attn.k_norm")
    skipped = ["lm_head", "model.norm", *(f"model.layers.{i}.{name}" for i in range(36) for name in norms)]
    _write_json(
        folder / "config.json", shape | {"tie_word_embeddings": True, "quantization_config": _block_fp8(skipped)}
    )
    return folder


def _block_fp8(skipped: list[str]) -> dict[str, Any]:
    return {
        "quant_method": "fp8",
        "fmt": "e4m3",
        "activation_scheme": "dynamic",
        "weight_block_size": [128, 128],
        "modules_to_not_convert": skipped,
    }


def _qwen3(
    *, layers: int, hidden: int, intermediate: int, heads: int, kv_heads: int, head_dim: int, vocabulary: int
) -> dict[str, Any]:
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": head_dim,
        "vocab_size": vocabulary,
        "max_position_embeddings": 262_144,
        "rope_theta": 5_000_000,
        "rms_norm_eps": 1e-6,
        "hidden_act": "silu",
        "attention_bias": False,
        "use_sliding_window": False,
        "torch_dtype": "bfloat16",
        "eos_token_id": SPECIAL.index("<|im_end|>"),
        "bos_token_id": SPECIAL.index("<|endoftext|>"),
    }


def _weights(config: dict[str, Any], source: np.random.Generator) -> dict[str, np.ndarray]:
    hidden, intermediate, width = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    query, key = config["num_attention_heads"] * width, config["num_key_value_heads"] * width
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (config["vocab_size"], hidden),
        "lm_head.weight": (config["vocab_size"], hidden),
        "model.norm.weight": (hidden,),
    }
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}"
        shapes |= {
            f"{at}.input_layernorm.weight": (hidden,),
            f"{at}.post_attention_layernorm.weight": (hidden,),
            f"{at}.self_attn.q_proj.weight": (query, hidden),
            f"{at}.self_attn.k_proj.weight": (key, hidden),
            f"{at}.self_attn.v_proj.weight": (key, hidden),
            f"{at}.self_attn.o_proj.weight": (hidden, query),
            f"{at}.self_attn.q_norm.weight": (width,),
            f"{at}.self_attn.k_norm.weight": (width,),
            f"{at}.mlp.gate_proj.weight": (intermediate, hidden),
            f"{at}.mlp.up_proj.weight": (intermediate, hidden),
            f"{at}.mlp.down_proj.weight": (hidden, intermediate),
        }
    return {
        name: np.ones(shape, np.float32) if len(shape) == 1 else source.normal(0, 0.08, shape).astype(np.float32)
        for name, shape in shapes.items()
    }


def _write_safetensors(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """Write bf16 tensors: a header of 8 + n bytes, then the upper halves of the float32 values."""
    data = {name: (tensor.view(np.uint32) >> 16).astype(np.uint16).tobytes() for name, tensor in tensors.items()}
    ends = list(itertools.accumulate(len(raw) for raw in data.values()))
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    for (name, raw), end in zip(data.items(), ends, strict=True):
        offsets = [end - len(raw), end]
        header[name] = {"dtype": "BF16", "shape": list(tensors[name].shape), "data_offsets": offsets}
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + b"".join(data.values()))


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")


def main() -> None:
    """Write the checkpoint that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("tiny", "qwen3-4b-fp8"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--layers", type=int, default=1, help="of the tiny checkpoint")
    asked = parser.parse_args()
    if asked.kind == "tiny":
        write_tiny(asked.folder, asked.layers)
    else:
        write_qwen3_4b_fp8(asked.folder)


if __name__ == "__main__":
    main()
