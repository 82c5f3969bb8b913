import base64
import importlib.util
import json
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import typer

from mcp_server.cli import app

ROOT = Path(__file__).parent.parent


def written_by(script: str) -> Any:
    """Return the module that writes a page of the docs."""
    spec = importlib.util.spec_from_file_location(script, ROOT / "docs" / f"{script}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_settings_page_says_what_the_settings_are() -> None:
    page = written_by("settings_table").page()

    assert (ROOT / "docs" / "settings.md").read_text() == page, "run: python docs/settings_table.py"


@pytest.mark.skipif(sys.platform != "linux", reason="the page names the files as they are called on Linux")
def test_the_page_of_hosts_says_what_the_table_of_hosts_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_CONFIG_HOME", "CODEX_HOME", "CLINE_MCP_SETTINGS_PATH"):
        monkeypatch.delenv(variable, raising=False)

    assert (ROOT / "docs" / "hosts.md").read_text() == written_by("hosts_page").page(), "run: python docs/hosts_page.py"


def test_the_links_of_one_click_enter_what_the_two_commands_have_installed() -> None:
    readme = (ROOT / "README.md").read_text()
    addresses = {name: re.search(rf"\[Add to {name}\]\((.+?)\)", readme)[1] for name in ("VS Code", "Cursor")}
    configs = {name: parse_qs(urlsplit(address).query)["config"][0] for name, address in addresses.items()}

    assert "-m venv ~/.readroom && ~/.readroom/bin/pip install ." in readme
    entry = {"command": "${userHome}/.readroom/bin/readroom", "args": ["serve"]}
    assert json.loads(configs["VS Code"]) == {"type": "stdio", **entry}
    assert json.loads(base64.b64decode(configs["Cursor"])) == entry
    assert all(address in (ROOT / "docs" / "hosts.md").read_text() for address in addresses.values())


PAPERS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.name)
def test_every_command_of_the_papers_is_one_that_there_is(paper: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", paper.read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    marked = re.findall(r"`((?:~/\.readroom/bin/)?readroom [^`]+)`", paper.read_text())
    for line in (*lines, *marked):
        found = re.search(r"(?:^|\| |/bin/)readroom ([a-z].*?)(?:  +#.*)?$", line)
        if found and "docker" not in line:
            words = shlex.split(found[1])
            name, command = words[0], group(*words)
            command.make_context(name, words[1:] if name != "engine" else words[2:])


def group(*words: str) -> Any:
    """Return the command that these words name."""
    command: Any = typer.main.get_command(app)
    for word in words[: 2 if words[0] == "engine" else 1]:
        command = command.commands[word]
    return command


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.name)
def test_every_link_of_the_papers_leads_to_a_file(paper: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", paper.read_text())

    assert [link for link in links if not (paper.parent / link).exists()] == []


def recorded(name: str) -> Any:
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())


ENGINES = ("fp8_e5m2", "fp8_e5m2, vLLM's own kernels", "fp8_e4m3")
"""The columns of the table of speeds."""


def section(title: str) -> str:
    """Return a section of the README."""
    return (ROOT / "README.md").read_text().split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def five() -> Iterator[str]:
    """Yield what the five rows of the README say."""
    answers = recorded("quality_h100")["figures"]["all"]
    without, small, plain = (answers[name] for name in ("readroom_without_a_model", "readroom", "plain_8"))
    page = [f"{100 * each['first_citation_on_gold']:.0f} %" for each in (without, small, plain)]
    yield f"of {small['questions']} real questions"
    yield f"{page[0]} without a model, {page[1]} with a small one; {page[2]} by one plain call"
    yield f"all; {100 * plain['claims_supported']:.0f} % by the plain call"
    latency = recorded("ask_latency")
    assert "300 pages without a model" in latency["how"]
    yield f"{latency['machine']['cores']} cores | {latency['figures']['after_p50_ms'] / 1000:.2f} s"
    asked = next(step for step in recorded("long_text_h100")["steps"] if step["step"].endswith("(windows)"))
    yield f"a report of {asked['tokens_total']:,} tokens, with a model on an H100 | {asked['seconds']:.2f} s"
    small = recorded("small_card_h100")["own_attention"]["starts"][0]
    yield f"A whole window of {small['context_tokens']:,} tokens"
    yield f"| {small['asked_free_gib']:.1f} GiB |"


def row(name: str, form: str, engines: Sequence[Any], *path: str) -> str:
    """Return a row of a table as it must stand in the page: one figure of each engine, the best of several."""
    for key in path:
        engines = [each[key] for each in engines]
    figures = [form.format(min(each) if isinstance(each, list) else each) for each in engines]
    return f"| {name} | {' | '.join(figures)} |"


def speeds() -> Iterator[str]:
    """Yield what the page says of the engine's speed."""
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
    """Yield what the page says of the engine's memory."""
    engines = recorded("engine_h200")["engines"]
    columns = [engines[name] for name in ENGINES]
    peak = ("memory_peaks_gib", "long_context", "largest_process_gib")
    yield row("Engine's memory at a full window", "{:.2f} GiB", columns, *peak)
    asleep = columns[0]["steps"]["sleep"]
    yield f"leaves {asleep['asleep_used_gib']:.2f} GiB on the GPU"
    yield f"wakes up in {asleep['wake_seconds']:.2f} s"
    served = [start for start in recorded("small_card_h100")["starts"] if "whole_context" in start]
    starts = [start for start in served if start["kv_cache_dtype"] == "fp8_e5m2"]
    free, context = ([start[key] for start in starts] for key in ("asked_free_gib", "context_tokens"))
    yield f"| Free | {' | '.join(f'{gib:g} GiB' for gib in free)} |"
    yield f"| Context | {' | '.join(f'{tokens:,}' for tokens in context)} |"
    now, less = recorded("small_card_h100")["own_attention"]["starts"]
    yield f"the whole {now['context_tokens']:,} fit where {now['asked_free_gib']} GiB are free"
    yield f"and {less['context_tokens']:,} where {less['asked_free_gib']} are"
    lease = recorded("small_card_h100")["one_lease"]
    (before,), (after, whole, part) = lease["before"], lease["after"]
    yield f"in {before['asked_free_gib']} GiB: {before['context_tokens']:,} and {after['context_tokens']:,} tokens"
    rates = [each["whole_context"]["decode"]["1_streams"]["tokens_per_second"] for each in (before, after)]
    yield f"decoded at {rates[0]:.0f} and {rates[1]:.0f} tok/s"
    assert [each["kv_cache_dtype"] for each in (whole, part)] == ["fp8_e4m3"] * 2
    assert whole["asked_free_gib"] == before["asked_free_gib"]
    yield f"E4M3 cache the whole {whole['context_tokens']:,} fit there, too"
    yield f"and {part['context_tokens']:,} where {part['asked_free_gib']} GiB are free"
    more, less, other = recorded("small_card_h100")["later_lease"]["starts"]
    assert [each["kv_cache_dtype"] for each in (more, less, other)] == ["fp8_e5m2", "fp8_e5m2", "fp8_e4m3"]
    yield f"{more['context_tokens']:,} with E5M2 where {more['asked_free_gib']} GiB\nare free"
    contexts = [f"{each['context_tokens']:,}" for each in (less, other)]
    yield f"{contexts[0]} with E5M2 or {contexts[1]} with E4M3 where {less['asked_free_gib']} are"


def own_attention() -> Iterator[str]:
    """Yield what the page says of our own attention and of embeddings in FP8."""
    found = recorded("own_attention_h100")
    after, before = found["after"], found["before"]
    for streams, instead in (("1_streams", " instead of "), ("8_streams", " instead of\n")):
        rates = [f"{each['decode_short'][streams]['tokens_per_second']:,.0f}" for each in (after, before)]
        yield f"{rates[0]} tok/s{instead}{rates[1]}"
    for step in ("start", "start_again"):
        yield f"{after[step]['seconds']:.0f} s instead of {before[step]['seconds']:.0f}"
    ways = recorded("attention_ways_h100")
    for at, count in ((0, "one stream decodes"), (2, "eight")):
        one, two = (median(run[at] for run in ways["decode"][name]) for name in ("one_way", "two_ways"))
        yield f"{count} {one:,.0f}{' tok/s' if at == 0 else ''} instead of {two:,.0f}"
    later = ways["later_lease"]
    ours, other = (median(run[0] for run in later["decode"][name]) for name in ("one_way, 128 tokens", "one_way"))
    yield f"one stream decodes {ours:.0f} tok/s instead of {other:.0f} behind 1,000"
    ours, other = (later["long"][name]["decode"] for name in ("one_way, 128 tokens", "one_way"))
    yield f"but\n{ours[0]:.0f} instead of {other[0]:.0f} behind 130,000"
    yield f"eight streams {ours[2]:.0f} instead of {other[2]:.0f} there"
    embeddings = recorded("fp8_embeddings")
    more, error = 100 * (embeddings["ratio"] - 1), 100 * embeddings["ratio_standard_error"]
    yield f"by {more:.2f} %, with a standard error of {error:.2f}"
    yield f"{100 * embeddings['top1_agreement']:.0f} of 100"


def real_work() -> Iterator[str]:
    """Yield what the page says of asks with a model, before and after, and with our own engine."""
    rounds = recorded("real_work_h100")["rounds"]
    after, before = ([each for each in rounds if each["side"] == side] for side in ("after", "before"))
    seconds = [" and ".join(f"{each['alone']['p50_seconds']:.2f}" for each in side) for side in (after, before)]
    yield f"took {seconds[0]} s, by the agents of before {seconds[1]} s"
    ratios = [each["alone"]["decode_tokens_per_second"] / each["free_tokens_per_second"] for each in after]
    yield f"decoded at {' and '.join(f'{ratio:.2f}' for ratio in ratios)} of the free speed"
    (own,) = recorded("real_work_dummy_h100")["rounds"]
    yield f"{own['alone']['p50_seconds']:.2f} s, decoded at {own['alone']['decode_tokens_per_second']:.0f} tok/s"
    yield f"prompts at {own['alone']['prefill_tokens_per_second']:,.0f} tok/s"
    yield f"eight users waited {own['eight']['p50_seconds']:.2f} s"


def starts() -> Iterator[str]:
    """Yield what the page says of starts with nothing compiled."""
    default, _, _, both = recorded("start_h100")["variants"].values()
    yield f"{default['cold']['seconds']:.0f} s"
    yield f"{both['cold']['torch_compile_seconds']:.0f} s instead of {default['cold']['torch_compile_seconds']:.0f}"


BESIDE_FP8_CACHES = ("bf16 weights, fp8_e4m3", "bf16 weights, fp8_e5m2")


def quality() -> Iterator[str]:
    """Yield what the page says of the formats' cost."""
    rows = recorded("quantisation_quality_qwen2_h100")["rows"]
    ratios = [rows[f"{name} KV"]["contexts"]["16384"]["ratio"] for name in ("fp8 weights, bf16", *BESIDE_FP8_CACHES)]
    yield f"by {100 * (ratios[0] - 1):.1f} % at 16K tokens"
    yield f"E4M3 cache makes the perplexity {ratios[1]:.1f} times as large, an E5M2 cache {ratios[2]:.0f} times"
    rows = recorded("quantisation_quality_h200")["rows"]
    for kv, text in (("fp8_e5m2", "an E5M2 cache raise the perplexity by"), ("fp8_e4m3", "E4M3 by")):
        ratio = rows[f"fp8 weights, {kv} KV"]["contexts"]["32768"]["ratio"]
        yield f"{text} {100 * (ratio - 1):.1f} %"


SYSTEMS = ("readroom", "readroom_without_a_model", "plain_8")
"""The columns of the table of answers."""


def answers() -> Iterator[str]:
    """Yield what the page says of answers: of all questions, and of those that were set aside."""
    whole, aside = (recorded("quality_h100")["figures"][part] for part in ("all", "check"))
    yield f"{whole['readroom']['questions']} questions"
    yield f"{aside['readroom']['questions']} of them that were set aside"
    for name, key, form, scale in (
        ("Gold answer in what is said", "gold_answer_held", "{:.0f} %", 100),
        ("First citation on a page that answers", "first_citation_on_gold", "{:.1f} %", 100),
        ("The same, or the first passage shown in place of an answer", "first_shown_on_gold", "{:.1f} %", 100),
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
    replayed = recorded("quality_h100")["replayed"]["figures"]["readroom"]
    yield f"right in {100 * replayed['first_citation_on_gold']:.0f} %, and the gold"
    yield f"answer in {100 * replayed['gold_answer_held']:.0f} %"
    asked = next(step for step in recorded("long_text_h100")["steps"] if step["step"].endswith("(windows)"))
    yield f"a report of {asked['tokens_total']:,} tokens took {asked['seconds']:.2f} s"
    decoding = recorded("schema_decoding_guidance_h100")
    once, again = decoding["figures"], decoding["again"]["figures"]
    one, eight = (once[f"Draft, {n} at once"] for n in (1, 8))
    ratios = [again[f"Draft, {n} at once"]["ratio"]["lines"] for n in (1, 8)]
    yield f"{one['ratio']['lines']:.2f} of the free speed, eight at once at {eight['ratio']['lines']:.2f}"
    yield f"on another machine at {' and '.join(f'{ratio:.2f}' for ratio in ratios)}"
    yield f"in {one['ratio_of_seconds']['lines']:.2f} of the seconds"
    yield f"as JSON under a grammar at {one['ratio']['schema']:.2f} and {eight['ratio']['schema']:.2f}"


def test_every_figure_of_the_benchmarks_stands_in_the_results() -> None:
    measured = left = (ROOT / "docs" / "benchmarks.md").read_text()
    for said in (*answers(), *speeds(), *memory(), *quality(), *real_work(), *starts(), *own_attention()):
        assert said in measured, said
        left = left.replace(said, "")
    vllm = recorded("engine_h200")["engines"]["fp8_e5m2"]["steps"]["start"]["vllm"]
    assert f"vLLM {vllm}" in measured
    models = "Qwen3-4B|Qwen2.5-Coder-1.5B-Instruct"
    names = rf"vLLM {re.escape(vllm)}|(?:benchmarks/)?results/\w+\.json|H[12]00|E[45]M[23]|FP8|bf16|BM25|{models}"
    # What is left says on what it was measured; a figure that no file holds is not among it.
    assert re.findall(r"\d[\d.,]*\d|\d", re.sub(names, "", left)) == ["131,072", "70", "32"]


def sizes() -> Iterator[str]:
    """Yield what the page for teams says of the simulation."""
    figures = recorded("sizing")["figures"]
    for first, second in zip(*figures["tables"].values(), strict=True):
        ask = " | ".join(f"{first[f'ask_{name}_seconds']:.2f} s" for name in ("p50", "p95"))
        summary = f"{first['summary_p95_seconds']:.0f} s"
        beside = f"{second['replicas']} | {second['ask_p95_seconds']:.2f} s"
        yield f"| {first['users']:,} | {first['replicas']} | {ask} | {summary} | {beside} |"
    yield f"95 of 100 asks take at most {figures['p95_seconds_at_most']:g} s"
    yield f"asks {figures['asks_a_user_and_hour']:g} times an hour"
    yield f"One in {1 / figures['share_of_summaries']:.0f} is a summary"
    yield f"a report of {figures['summary_document_tokens']:,} tokens, {figures['summary_calls']} calls"
    yield f"{figures['ask_calls']:.2f} calls, {figures['ask_prompt_tokens']:,.0f} tokens of prompt"
    yield f"{100 * figures['ask_cached_share']:.0f} % of them cached, and {figures['ask_answer_tokens']:.0f} of answer"
    yield f"{figures['own_seconds']:.2f} s beside the engine"
    yield f"A step takes {figures['drag']:.2f} times"
    low, high = (choose(figures["ask_alone_simulated_to_measured"]) for choose in (min, max))
    yield f"takes {low:.2f} to {high:.2f} times what was measured"
    held = figures["kv_tokens_by_budget_gib"]
    yield f"| Memory for the engine | {' | '.join(f'{gib} GiB' for gib in held)} |"
    yield f"| Tokens in the cache | {' | '.join(f'{tokens:,}' for tokens in held.values())} |"
    document = figures["kv_tokens_a_document_read_whole"]
    yield f"| Reports that stay | {' | '.join(str(tokens // document) for tokens in held.values())} |"
    yield f"some {figures['kv_tokens_a_question']:,} tokens for each call"
    yield f"all {document:,} of the report"


def test_the_sizes_of_a_team_are_those_of_the_simulation() -> None:
    page = (ROOT / "docs" / "team.md").read_text()

    left = page.split("## How many GPUs\n", 1)[1].split("\n## ", 1)[0]
    for said in sizes():
        assert said in left, said
        left = left.replace(said, "")
    # What is left are names: p50, and models.
    assert set(re.findall(r"\bp\d\d\b|Qwen[\w.-]+|H\d00|FP8", left)) >= {"p50", "p95"}
    assert re.findall(r"\d", re.sub(r"\bp\d\d\b|Qwen[\w.-]+|H\d00s?|FP8", "", left)) == []


def routed() -> Iterator[str]:
    """Yield what the page for teams says of two vLLMs behind the router."""
    figures = recorded("vllm_replicas")["figures"]

    def found(policy: str) -> str:
        prompts = figures[f"{policy}_prompts_with_a_document"]
        return f"{prompts * figures[f'{policy}_found_in_the_cache']:.0f} of {prompts:.0f}"

    yield f"vllm-router=={figures['vllm_router']}"
    yield f"{found('consistent_hash')} prompts found at least 90 % of their document"
    yield f"with `round_robin` {found('round_robin')}, "
    yield f"with the router's default, `cache_aware`, {found('cache_aware')}."
    yield f"{figures['calls_answered']} of {figures['calls']} calls were"


def test_the_figures_of_several_gpus_are_those_of_the_measurement() -> None:
    page = (ROOT / "docs" / "team.md").read_text().split("## Several GPUs\n", 1)[1].split("\n## ", 1)[0]

    figures = recorded("vllm_replicas")["figures"]
    assert figures["sticky_least_loaded_found_in_the_cache"] == 1
    assert figures["windows_computed_twice"] == 0
    assert [said for said in routed() if said not in " ".join(page.split())] == []


def test_each_of_the_readmes_five_figures_stands_in_the_results() -> None:
    rows = [line for line in section("Measured").splitlines() if line.startswith("| ") and not line.startswith("| |")]

    assert len(rows) == 5
    for said in five():
        assert sum(said in row for row in rows) == 1, said


def test_the_papers_measure_nothing_outside_of_the_places_for_it() -> None:
    papers = [ROOT / "README.md", *((ROOT / "docs" / f"{name}.md") for name in ("index", "using", "hosts", "docker"))]
    text = "".join(path.read_text() for path in papers).replace(section("Measured"), "")

    said = re.sub(r"https?://\S+", "", text)
    assert re.findall(r"\d[\d.,]* ?(?:tok/s|ms\b|s\b|seconds|minutes|%|GiB|times)", said) == ["45 seconds"]


def test_every_file_that_the_architecture_names_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    files = [f"/{path.relative_to(ROOT)}" for room in ("agents", "mcp_server") for path in ROOT.glob(f"{room}/**/*.py")]
    folders = {f"{file.rpartition('/')[0]}/" for file in files}
    named = set(re.findall(r"[\w/]*\w\.py\b|\b[\w/]*\w/", text)) - {"agents/"}

    assert [name for name in sorted(named) if not any(f"/{name}" in each for each in (*files, *folders))] == []
