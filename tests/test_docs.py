import importlib.util
import json
import re
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


def test_every_module_has_at_most_about_three_hundred_lines() -> None:
    modules = [*ROOT.glob("agents/**/*.py"), *ROOT.glob("mcp_server/**/*.py")]

    assert {str(path): lines for path in modules if (lines := len(path.read_text().splitlines())) > 320} == {}


def recorded(readme: str, name: str) -> Any:
    """Return the result that the README links to: of whichever card it was measured on."""
    (link,) = set(re.findall(rf"benchmarks/results/{name}_\w+\.json", readme))
    return json.loads((ROOT / link).read_text())


def section(title: str) -> str:
    """Return a section of the README."""
    return (ROOT / "README.md").read_text().split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_every_figure_of_the_readme_stands_in_the_results() -> None:
    measured = section("Measured")
    left = measured
    engines = recorded(measured, "engine")["engines"]
    rows = recorded(measured, "quantisation_quality")["rows"]
    e5m2, e4m3 = (engines[name]["steps"] for name in ("fp8_e5m2", "fp8_e4m3"))
    peaks = [engines[name]["memory_peaks_gib"]["long_context"] for name in ("fp8_e5m2", "fp8_e4m3")]

    def row(name: str, form: str, *values: float) -> str:
        return f"| {name} | " + " | ".join(form.format(value) for value in values) + " |"

    def both(step: str, *path: str) -> list[Any]:
        found: list[Any] = [e5m2[step], e4m3[step]]
        for key in path:
            found = [each[key] for each in found]
        return found

    for line in (
        row("Tokens of context", "{:,}", *both("start", "context_tokens")),
        row("Decode, one stream, 1K context", "{:.0f} tok/s", *both("decode_short", "1_streams", "tokens_per_second")),
        row("Prefill of 130,000 tokens", "{:,.0f} tok/s", *both("long_context", "prefill_tokens_per_second")),
        row("First token for 130,000 tokens, cold", "{:.1f} s", *both("long_context", "cold_seconds")),
        row("The same prefix again", "{:.2f} s", *map(min, both("long_context", "warm_seconds"))),
        row("Engine's memory at a full window", "{:.2f} GiB", *(peak["largest_process_gib"] for peak in peaks)),
        row("GPU memory asleep, driver included", "{:.2f} GiB", *both("sleep", "asleep_used_gib")),
        row("Waking up", "{:.2f} s", *both("sleep", "wake_seconds")),
    ):
        assert line in measured, line
        left = left.replace(line, "")
    for kv, text in (("fp8_e5m2", "an E5M2 cache raise the\nperplexity by"), ("fp8_e4m3", "E4M3 by")):
        ratio = rows[f"fp8 weights, {kv} KV"]["contexts"]["32768"]["ratio"]
        line = f"{text} {100 * (ratio - 1):.1f} %"
        assert line in measured, line
        left = left.replace(line, "")
    vllm = e5m2["start"]["vllm"]
    assert f"vLLM {vllm}" in measured
    names = rf"vLLM {re.escape(vllm)}|(?:benchmarks/)?results/\w+\.json|H200|E[45]M[23]|FP8|fp8_e4m3|bf16|Qwen3-4B"
    # What is left says on what it was measured; a figure that no file holds is not among it.
    assert re.findall(r"\d[\d.,]*\d|\d", re.sub(names, "", left)) == ["70", "32"]


def test_the_readme_measures_nothing_outside_of_the_section_for_it() -> None:
    text = (ROOT / "README.md").read_text().replace(section("Measured"), "")

    assert re.findall(r"\d[\d.,]* ?(?:tok/s|ms\b|s\b|seconds|minutes|%|GiB|times)", text) == []
