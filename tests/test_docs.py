import importlib.util
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def test_the_settings_page_says_what_the_settings_are() -> None:
    spec = importlib.util.spec_from_file_location("settings_table", ROOT / "docs" / "settings_table.py")
    assert spec is not None
    assert spec.loader is not None
    table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(table)

    assert (ROOT / "docs" / "settings.md").read_text() == table.page(), "run: python docs/settings_table.py"


def recorded(name: str) -> Any:
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())


ENGINES = ("fp8_e5m2", "fp8_e5m2, vLLM's own kernels", "fp8_e4m3")
"""The columns of the README's table."""


def section(title: str) -> str:
    """Return a section of the README."""
    return (ROOT / "README.md").read_text().split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def row(name: str, form: str, engines: Sequence[Any], *path: str) -> str:
    """Return a row of a table as it must stand in the README: one figure of each engine, the best of several."""
    for key in path:
        engines = [each[key] for each in engines]
    figures = [form.format(min(each) if isinstance(each, list) else each) for each in engines]
    return f"| {name} | {' | '.join(figures)} |"


def speeds() -> Iterator[str]:
    """Yield what the README says of the engine's speed."""
    engines = recorded("engine_h200")["engines"]
    columns = [engines[name]["steps"] for name in ENGINES]
    one, eight = (("decode_short", f"{count}_streams", "tokens_per_second") for count in (1, 8))
    yield row("Decode, one stream, 1K context", "{:.0f} tok/s", columns, *one)
    yield row("Decode, eight streams", "{:,.0f} tok/s", columns, *eight)
    yield row("Prefill of 16,384 tokens", "{:,.0f} tok/s", columns, "prefill_medium", "tokens_per_second")
    yield row("Prefill of 130,000 tokens", "{:,.0f} tok/s", columns, "long_context", "prefill_tokens_per_second")
    yield row("First token for 130,000 tokens, cold", "{:.1f} s", columns, "long_context", "cold_seconds")
    yield row("The same prefix again", "{:.2f} s", columns, "long_context", "warm_seconds")
    yield row("Start", "{:.0f} s", columns, "start", "seconds")
    yield row("The next start, with what it compiled on disk", "{:.0f} s", columns, "start_again", "seconds")
    offloading = recorded("offload_fp8_e5m2_h100")["engines"]["offloading"]["evicted"]
    without = recorded("engine_h100")["engines"]["fp8_e5m2"]["steps"]["evicted"]
    again, computed = (each["back"][0]["seconds"] for each in (offloading, without))
    yield f"A document of {offloading['prompt_tokens']:,} tokens"
    yield f"{again:.2f} s from RAM"
    yield f"in {computed:.2f} s computed again"
    rows = recorded("ngram_speculation_h100")["true_shape"]
    drafted, plain = rows["fp8_e5m2 KV, ngram, 7 drafted"], rows["fp8_e5m2 KV, no drafts"]
    yield f"`READROOM_ENGINE__DRAFT_TOKENS={drafted['speculative_config']['num_speculative_tokens']}`"
    fast, slow = (each["work"]["any"]["tokens_per_second_median"] for each in (drafted, plain))
    yield f"looks the next words up in the prompt: {fast:.0f} tok/s instead of {slow:.0f}"


def memory() -> Iterator[str]:
    """Yield what the README says of the engine's memory."""
    engines = recorded("engine_h200")["engines"]
    columns = [engines[name] for name in ENGINES]
    peak = ("memory_peaks_gib", "long_context", "largest_process_gib")
    yield row("Engine's memory at a full window", "{:.2f} GiB", columns, *peak)
    asleep = columns[0]["steps"]["sleep"]
    yield f"leaves {asleep['asleep_used_gib']:.2f} GiB on the GPU"
    yield f"wakes up in {asleep['wake_seconds']:.2f} s"
    served = [start for start in recorded("small_card_h200")["starts"] if "whole_context" in start]
    least = min(served, key=lambda start: start["plan"]["needed_gib"])
    yield f"with {least['plan']['needed_gib']:.1f} GiB for the engine, {least['context_tokens']:,} tokens were read"


def quality() -> Iterator[str]:
    """Yield what the README says of the formats' cost."""
    rows = recorded("quantisation_quality_h200")["rows"]
    for kv, text in (("fp8_e5m2", "an E5M2 cache raise the perplexity by"), ("fp8_e4m3", "E4M3 by")):
        ratio = rows[f"fp8 weights, {kv} KV"]["contexts"]["32768"]["ratio"]
        yield f"{text} {100 * (ratio - 1):.1f} %"


SYSTEMS = ("readroom", "readroom_without_a_model", "plain_8")
"""The columns of the table of answers."""


def answers() -> Iterator[str]:
    """Yield what the README says of answers: of all questions, and of those that were set aside."""
    whole, aside = (recorded("quality_h100")["figures"][part] for part in ("all", "check"))
    yield f"{whole['readroom']['questions']} questions"
    yield f"{aside['readroom']['questions']} of them that were set aside"
    for name, key, form, scale in (
        ("Gold answer in what is said", "gold_answer_held", "{:.0f} %", 100),
        ("First citation on a page that answers", "first_citation_on_gold", "{:.0f} %", 100),
        ("Refused, though the document answers", "false_refusals", "{:.0f} %", 100),
        ("Refused, where it does not answer", "right_refusals", "{:.0f} %", 100),
        ("Calls", "calls", "{:.1f}", 1),
        ("Prompt tokens", "prompt_tokens", "{:,.0f}", 1),
    ):
        cells = [[form.format(scale * part[system][key] + 1e-9) for part in (whole, aside)] for system in SYSTEMS]
        yield f"| {name} | {' | '.join(f'{first} ({second})' for first, second in cells)} |"
    yield f"of the plain call's {100 * whole['plain_8']['claims_supported']:.0f} %"
    without, pages = whole["readroom_without_a_model"], whole["bm25_pages"]
    yield f"says so: {100 * without['right_doubts']:.0f} %"
    yield f"{100 * without['false_doubts']:.0f} % of what they do"
    yield f"the first page right in {100 * pages['first_citation_on_gold']:.0f} %"
    asked = next(step for step in recorded("long_text_h100")["steps"] if step["step"].endswith("(windows)"))
    yield f"a report of {asked['tokens_total']:,} tokens took {asked['seconds']:.2f} s"
    guidance, xgrammar = (recorded(f"schema_decoding_{backend}_h100") for backend in ("guidance", "xgrammar"))
    one, eight = ([guidance["figures"][f"Draft, {n} at once"], xgrammar["lines"][f"Draft {n}"]] for n in (1, 8))
    yield f"decoded at {one[0]['ratio']:.2f} of the free"
    yield f"at {one[1]['ratio']:.2f} with xgrammar"
    yield f"eight at once at {eight[0]['ratio']:.2f} and {eight[1]['ratio']:.2f}"


def test_every_figure_of_the_readme_stands_in_the_results() -> None:
    measured = left = section("Measured")
    for said in (*answers(), *speeds(), *memory(), *quality()):
        assert said in measured, said
        left = left.replace(said, "")
    vllm = recorded("engine_h200")["engines"]["fp8_e5m2"]["steps"]["start"]["vllm"]
    assert f"vLLM {vllm}" in measured
    models = "Qwen3-4B|Qwen2.5-Coder-1.5B-Instruct"
    names = rf"vLLM {re.escape(vllm)}|(?:benchmarks/)?results/\w+\.json|H[12]00|E[45]M[23]|FP8|bf16|BM25|{models}"
    # What is left says on what it was measured; a figure that no file holds is not among it.
    assert re.findall(r"\d[\d.,]*\d|\d", re.sub(names, "", left)) == ["131,072", "70", "32"]


def test_the_readme_measures_nothing_outside_of_the_section_for_it() -> None:
    text = (ROOT / "README.md").read_text().replace(section("Measured"), "")

    assert re.findall(r"\d[\d.,]* ?(?:tok/s|ms\b|s\b|seconds|minutes|%|GiB|times)", text) == []


def test_every_file_that_the_architecture_names_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    files = [f"/{path.relative_to(ROOT)}" for room in ("agents", "mcp_server") for path in ROOT.glob(f"{room}/**/*.py")]
    folders = {f"{file.rpartition('/')[0]}/" for file in files}
    named = set(re.findall(r"[\w/]*\w\.py\b|\b[\w/]*\w/", text)) - {"agents/"}

    assert [name for name in sorted(named) if not any(f"/{name}" in each for each in (*files, *folders))] == []
