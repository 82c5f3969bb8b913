import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from mcp_server.cli import app
from mcp_server.environment import readroom_version
from tests.support import reports
from tests.support.postgres import both
from tests.support.processes import HEAVY, environment

PUMP = (
    "# Pump manual\n\nThe pump holds 40 litres. It was built in 1987.\n\n## Care\n\nReplace the filter every 90 days.\n"
)


Readroom = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    folder.joinpath("pump.md").write_text(PUMP)
    return folder


@pytest.fixture
def readroom(folder: Path, monkeypatch: pytest.MonkeyPatch, database_url: SecretStr | None) -> Readroom:
    """Run the command in the folder, as a user does; the home folder, the default root, is elsewhere."""
    monkeypatch.chdir(folder)
    (folder.parent / "home").mkdir()
    usual = {"HOME": str(folder.parent / "home")}
    if database_url:
        usual["READROOM_DATABASE_URL"] = database_url.get_secret_value()

    def run(*words: str, stdin: str | None = None, **variables: str) -> Result:
        return CliRunner().invoke(app, words, stdin, env=environment(folder.parent, **usual, **variables))

    return run


def test_help_names_every_command_and_imports_nothing_heavy(readroom: Readroom, folder: Path) -> None:
    done = readroom("--help")
    commands = ["serve", "ask", "analyze", "view", "text", "benchmark", "engine", "doctor", "install"]
    commands += ["sessions", "documents", "forget"]
    assert done.exit_code == 0
    assert all(f" {command} " in done.stdout for command in commands)
    modules = "import json, sys, mcp_server.cli; print(json.dumps([m.partition('.')[0] for m in sys.modules]))"
    loaded = subprocess.run(
        [sys.executable, "-c", modules], env=environment(folder), capture_output=True, text=True, check=True
    )
    assert {"mcp", "agents", *HEAVY}.isdisjoint(json.loads(loaded.stdout))


def test_ask_answers_from_a_file_named_as_the_shell_names_it(readroom: Readroom) -> None:
    done = readroom("ask", "pump.md", "How many litres does the pump hold?")
    assert done.exit_code == 0, done.stderr
    assert "40 litres" in done.stdout
    assert "go on with --session" in done.stdout


def test_ask_as_json_is_an_answer_whose_quotes_stand_in_the_text(readroom: Readroom) -> None:
    done = readroom("ask", "pump.md", "How many litres does the pump hold?", "--json")
    answer = json.loads(done.stdout)
    text = readroom("text", "pump.md").stdout
    assert text == PUMP
    assert answer["status"] == "complete"
    assert answer["citations"]
    for citation in answer["citations"]:
        assert text[citation["start"] : citation["end"]] == citation["quote"]
    assert answer["documents"][0]["parsed"] is True
    again = json.loads(readroom("ask", "pump.md", "How often is the filter replaced?", "--json").stdout)
    assert again["documents"][0]["parsed"] is False


def test_a_session_goes_on_without_naming_its_file(readroom: Readroom) -> None:
    first = json.loads(readroom("ask", "pump.md", "When was the pump built?", "--json").stdout)
    session = first["session"]["session_id"]
    second = json.loads(readroom("ask", "How many litres does it hold?", "--session", session, "--json").stdout)
    assert second["session"] == {**second["session"], "session_id": session, "turns": 2}
    assert "40 litres" in second["markdown"]
    third = json.loads(readroom("ask", "How often is the filter replaced?", "--continue", "--json").stdout)
    assert third["session"] == {**third["session"], "session_id": session, "turns": 3}


def test_a_question_that_is_missing_is_asked_for(readroom: Readroom) -> None:
    alone = (("pump.md",), ("pump.md", "pump.md"), ("pump.md", "--continue"), ("https://example.org/pump.pdf",), ("-",))
    for words in alone:
        done = readroom("ask", *words)
        assert done.exit_code == 1
        assert "The question is missing" in done.stderr
        assert 'readroom ask FILE "QUESTION"' in done.stderr


@pytest.mark.parametrize("question", ["How much?", "How much? " * 500])
def test_a_question_without_a_document_says_where_to_name_one_while_the_library_is_empty(
    readroom: Readroom, question: str
) -> None:
    done = readroom("ask", question)
    assert done.exit_code == 1
    assert "No document is named, and the library holds none to ask." in done.stderr
    assert 'readroom ask FILE "QUESTION"' in done.stderr


def test_a_question_without_a_document_asks_the_library(readroom: Readroom, folder: Path) -> None:
    folder.joinpath("crane.md").write_text("# Crane\n\nThe crane lifts 12 tonnes.\n")
    readroom("text", "crane.md")
    readroom("text", "pump.md")
    answer = json.loads(readroom("ask", "How much does the crane lift?", "--json").stdout)
    assert "12 tonnes" in answer["markdown"]
    assert {document["title"] for document in answer["documents"]} == {"Crane", "Pump manual"}
    elsewhere = readroom("ask", "How much does the crane lift?", "--root", str(folder.parent / "home"))
    assert "the library holds none to ask" in elsewhere.stderr


def test_several_files_are_asked_at_once(readroom: Readroom, folder: Path) -> None:
    folder.joinpath("crane.md").write_text("# Crane\n\nThe crane lifts 12 tonnes.\n")
    answer = json.loads(readroom("ask", "pump.md", "crane.md", "How much does the crane lift?", "--json").stdout)
    assert "12 tonnes" in answer["markdown"]
    assert len(answer["documents"]) == 2


def test_several_folders_are_asked_at_once(readroom: Readroom, folder: Path) -> None:
    for name, text in (("cranes/new/crane.md", "The crane lifts 12 tonnes."), ("boats/boat.md", "The boat is blue.")):
        folder.joinpath(name).parent.mkdir(parents=True)
        folder.joinpath(name).write_text(f"# About {name}\n\n{text}\n")
    asked = readroom("ask", "cranes", "boats", "How much does the crane lift?", "--json")
    answer = json.loads(asked.stdout)
    assert "12 tonnes" in answer["markdown"]
    assert {Path(document["title"]).name for document in answer["documents"]} == {"crane.md", "boat.md"}
    analysed = json.loads(readroom("analyze", "cranes", "boats", "--json").stdout)
    assert ["12 tonnes" in each["markdown"] for each in analysed] == [True, False]


def test_standard_input_is_a_document(readroom: Readroom) -> None:
    done = readroom("ask", "-", "How many litres does the pump hold?", "--json", stdin=PUMP)
    answer = json.loads(done.stdout)
    assert "40 litres" in answer["markdown"]
    assert PUMP[answer["citations"][0]["start"] : answer["citations"][0]["end"]] == answer["citations"][0]["quote"]
    assert "every 90 days" in readroom("ask", "--continue", "How often is the filter replaced?").stdout
    assert readroom("text", "-", stdin=PUMP).stdout == PUMP
    analysis = json.loads(readroom("analyze", "-", "--json", stdin=PUMP).stdout)
    assert analysis["coverage"]["tokens_read"] == analysis["coverage"]["tokens_total"]


def test_standard_input_may_be_read_whatever_folders_hold_for_files(readroom: Readroom, folder: Path) -> None:
    done = readroom("ask", "-", "How many litres?", "--root", str(folder.parent / "home"), stdin=PUMP)
    assert "40 litres" in done.stdout
    both = readroom("ask", "-", "pump.md", "How many litres?", "--root", str(folder.parent / "home"), stdin=PUMP)
    assert "is outside the folders" in both.stderr


def test_standard_input_leaves_no_file_behind(readroom: Readroom) -> None:
    readroom("text", "-", stdin=PUMP)
    (path,) = json.loads(readroom("documents", "--json").stdout)["documents"][0]["paths"]
    assert not Path(path).parent.exists()


def test_empty_standard_input_is_refused(readroom: Readroom) -> None:
    done = readroom("ask", "-", "How many litres?", stdin="")
    assert done.exit_code == 1
    assert "Standard input is empty." in done.stderr


def test_work_that_is_not_waited_for_stops_and_says_how_to_go_on(readroom: Readroom) -> None:
    for command in (("analyze", "pump.md"), ("ask", "pump.md", "How many litres does the pump hold?")):
        done = readroom(*command, "--wait", "0")
        assert (done.exit_code, done.stdout) == (3, "")
        assert done.stderr.startswith("Stopped after 0 s: ")
        assert "Run the same command again" in done.stderr
        assert "goes on meanwhile" not in done.stderr
        assert readroom(*command).exit_code == 0


def test_work_that_is_not_waited_for_is_running_as_json(readroom: Readroom) -> None:
    done = readroom("analyze", "pump.md", "--wait", "0", "--json")
    analysis = json.loads(done.stdout)
    assert done.exit_code == 3
    assert analysis["status"] == "running"
    assert analysis["markdown"].startswith("Stopped after 0 s: ")


def test_the_version_is_printed(readroom: Readroom) -> None:
    done = readroom("--version")
    assert (done.exit_code, done.stdout) == (0, f"readroom {readroom_version()}\n")


def test_analyze_reads_all_of_a_file(readroom: Readroom) -> None:
    analysis = json.loads(readroom("analyze", "pump.md", "--mode", "detailed", "--json").stdout)
    assert analysis["mode"] == "detailed"
    assert analysis["coverage"]["tokens_read"] == analysis["coverage"]["tokens_total"]


def test_analyze_reads_several_files_one_after_another(readroom: Readroom, folder: Path) -> None:
    folder.joinpath("crane.md").write_text("# Crane\n\nThe crane lifts 12 tonnes.\n")
    both = json.loads(readroom("analyze", "pump.md", "crane.md", "--json").stdout)
    assert [[document["title"] for document in each["documents"]] for each in both] == [["Pump manual"], ["Crane"]]
    assert both[0]["session"]["session_id"] == both[1]["session"]["session_id"]
    plain = readroom("analyze", "pump.md", "crane.md").stdout
    assert plain.index("40 litres") < plain.index("12 tonnes")


def test_analyze_compares_the_first_of_several_files_with_the_others(readroom: Readroom, folder: Path) -> None:
    folder.joinpath("new.md").write_text(PUMP.replace("40", "45"))
    compared = json.loads(readroom("analyze", "pump.md", "new.md", "--mode", "comparison", "--json").stdout)
    assert len(compared["documents"]) == 2
    assert "45" in compared["markdown"]


def test_text_prints_one_page(readroom: Readroom) -> None:
    assert readroom("text", "pump.md", "--page", "1").stdout == PUMP
    beyond = readroom("text", "pump.md", "--page", "2")
    assert (beyond.exit_code, beyond.stdout) == (1, "")
    assert "has no page 2" in beyond.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("ask", "missing.md", "What is it?"), "missing.md"),
        (("ask", "pump.md", ""), "The question is empty."),
        (("ask", "What is it?", "--session", "0d5f4d7e-9f0e-4a54-8f5c-5b0c5ff7a111"), "Session"),
    ],
)
def test_an_error_is_one_message_on_stderr_or_json_on_stdout(
    readroom: Readroom, words: tuple[str, ...], message: str
) -> None:
    plain = readroom(*words)
    assert (plain.exit_code, plain.stdout) == (1, "")
    assert plain.stderr.startswith("Error: ")
    assert message in plain.stderr
    assert "Traceback" not in plain.stderr
    as_json = readroom(*words, "--json")
    assert as_json.exit_code == 1
    error = json.loads(as_json.stdout)
    assert message in error["error"]
    assert error["hint"]


def test_roots_that_are_set_hold_for_the_user_of_the_shell_too(readroom: Readroom, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = readroom("ask", "pump.md", "How many litres?", READROOM_DOCUMENTS__ROOTS=json.dumps([str(elsewhere)]))
    assert done.exit_code == 1
    assert str(elsewhere) in done.stderr
    assert "--root" in done.stderr


@pytest.mark.parametrize("words", [("ask", "pump.md", "How many litres?"), ("analyze", "pump.md"), ("text", "pump.md")])
def test_a_root_that_is_given_stands_before_those_that_are_set(
    readroom: Readroom, tmp_path: Path, words: tuple[str, ...]
) -> None:
    elsewhere = json.dumps([str(tmp_path / "elsewhere")])
    done = readroom(*words, "--root", ".", READROOM_DOCUMENTS__ROOTS=elsewhere)
    assert done.exit_code == 0, done.stderr
    assert readroom(*words, "--root", str(tmp_path / "elsewhere")).exit_code == 1


def test_a_wrong_option_is_a_usage_error(readroom: Readroom) -> None:
    assert readroom("analyze", "pump.md", "--mode", "poem").exit_code == 2
    assert readroom("ask").exit_code == 2


def test_a_wrong_setting_is_named(readroom: Readroom) -> None:
    done = readroom("doctor", READROOM_SERVER__PORT="seventy")
    assert done.exit_code == 1
    assert "READROOM_SERVER__PORT" in done.stdout


def test_doctor_says_that_the_named_server_cannot_be_reached(readroom: Readroom) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"
        done = readroom("doctor", READROOM_ENGINE__KIND="auto", READROOM_ENGINE__BASE_URL=address)
    assert done.exit_code == 1
    assert "cannot be reached" in done.stdout


def test_a_list_that_is_no_json_is_refused_with_an_example(readroom: Readroom) -> None:
    done = readroom("ask", "pump.md", "What?", READROOM_DOCUMENTS__ROOTS="/papers")
    assert done.exit_code == 1
    assert "READROOM_DOCUMENTS__ROOTS='[\"" in done.stderr


def test_doctor_says_which_engine_would_answer_and_what_is_there(readroom: Readroom) -> None:
    readroom("ask", "pump.md", "When was the pump built?")
    done = readroom("doctor", "--json")
    assert done.exit_code == 0, done.stdout + done.stderr
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["engine"]["detail"].startswith("extractive. READROOM_ENGINE__KIND asks for it.")
    assert "absent: Qwen/Qwen3-4B-Instruct-2507-FP8, KV cache fp8_e5m2, 131,072" in checks["resident vLLM"]["detail"]
    assert checks["data"]["detail"] == "1 document in the library, 1 session"
    assert checks["root"]["state"] == "ok"


def test_install_prints_what_it_would_enter(readroom: Readroom, folder: Path) -> None:
    done = readroom("install", "claude-code", "--root", ".", "--print")
    assert str(folder) in done.stdout
    assert "claude mcp add" in done.stdout
    assert not (folder / ".mcp.json").exists()
    readroom("install", "claude-code", "--root", ".")
    entry = json.loads((folder / ".mcp.json").read_text())["mcpServers"]["readroom"]
    assert entry["args"][-2:] == ["--root", str(folder)]


def test_a_server_that_runs_is_entered_with_its_token_and_taken_out_again(readroom: Readroom, folder: Path) -> None:
    address = "http://127.0.0.1:8765/mcp"
    done = readroom("install", "cursor", "--url", address, READROOM_SERVER__TOKEN="secret")
    assert done.exit_code == 0, done.stderr
    file = folder.parent / "home" / ".cursor" / "mcp.json"
    entry = json.loads(file.read_text())["mcpServers"]["readroom"]
    assert entry == {"url": address, "headers": {"Authorization": "Bearer secret"}}
    assert readroom("uninstall", "cursor").stdout == f"Readroom is taken out of {file}.\n"
    assert not file.exists()
    assert readroom("uninstall", "cursor").stdout == f"Readroom is not entered in {file}.\n"


def test_a_configuration_in_utf_16_is_told_in_one_message(readroom: Readroom, folder: Path) -> None:
    (folder / ".mcp.json").write_text("{}", encoding="utf-16")
    done = readroom("install", "claude-code")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "it is UTF-16" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_engine_that_is_not_there_has_a_status_a_log_and_can_be_stopped(readroom: Readroom, folder: Path) -> None:
    status = json.loads(readroom("engine", "status", "--json").stdout)
    assert status["state"] == "absent"
    assert "**model**" in readroom("engine", "status").stdout
    assert json.loads(readroom("engine", "logs", "--json").stdout) == {"log": ""}
    assert json.loads(readroom("engine", "stop", "--json").stdout) == {"stopped": False}
    assert not (folder.parent / "data").exists()


def test_an_engine_that_cannot_start_says_what_is_missing(readroom: Readroom) -> None:
    done = readroom("engine", "start", "--json", READROOM_ENGINE__VLLM_COMMAND="no-such-command")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["hint"]


@pytest.fixture
def report(tmp_path: Path) -> Callable[[str, float], str]:
    """Write a report that says how long an answer took, and return its path."""

    def write(name: str, seconds: float) -> str:
        path = tmp_path / f"{name}.json"
        path.write_text(reports.report(reports.figure("answer_first_seconds", seconds)).model_dump_json())
        return str(path)

    return write


def test_two_reports_are_set_side_by_side(readroom: Readroom, report: Callable[[str, float], str]) -> None:
    done = readroom("benchmark", "--compare", report("before", 2.0), report("after", 0.5), "--json")
    comparison = json.loads(done.stdout)
    assert done.exit_code == 0
    assert comparison["figures"][0]["ratio"] == 0.25
    assert comparison["figures"][0]["verdict"] == "better"
    assert "| 0.25 | better |" in comparison["markdown"]


def test_a_session_cannot_be_named_and_gone_on_with_at_once(readroom: Readroom) -> None:
    done = readroom("ask", "--session", "0f8fad5b-d9cb-469f-a165-70867728950e", "--continue", "Who is the auditor?")
    assert done.exit_code == 1
    assert "Give one of them." in done.stderr


def test_the_name_of_a_suite_is_not_taken_for_a_file(readroom: Readroom) -> None:
    done = readroom("benchmark", "full")
    assert done.exit_code == 1
    assert "Write --suite full." in done.stderr


def test_files_have_no_place_beside_reports_to_compare(readroom: Readroom, report: Callable[[str, float], str]) -> None:
    done = readroom("benchmark", "pump.md", "--compare", report("before", 2.0), report("after", 0.5))
    assert done.exit_code == 1
    assert "Leave the files out" in done.stderr


def test_what_is_no_report_cannot_be_compared(readroom: Readroom, report: Callable[[str, float], str]) -> None:
    done = readroom("benchmark", "--compare", report("before", 2.0), "pump.md")
    assert done.exit_code == 1
    assert "not a report of this version" in done.stderr


def test_a_benchmark_of_a_missing_document_says_so(readroom: Readroom) -> None:
    done = readroom("benchmark", "pumps.md", "--suite", "quality")
    assert done.exit_code == 1
    assert "pump.md" in done.stderr


@both
def test_what_was_asked_is_listed_and_forgotten(readroom: Readroom) -> None:
    readroom("ask", "pump.md", "How many litres does the pump hold?")
    listed = readroom("sessions")
    assert "1 turn, “How many litres does the pump hold?”: Pump manual" in listed.stdout
    assert "Pump manual, 1 page" in readroom("documents").stdout

    session_id = json.loads(readroom("sessions", "--json").stdout)["sessions"][0]["session_id"]
    done = readroom("forget", session_id, "pump.md")
    assert (done.exit_code, done.stdout.split("\n")[0]) == (0, "Forgotten: 1 session, 1 document.")
    assert "No session is kept." in readroom("sessions").stdout
    assert "No document is kept." in readroom("documents").stdout
    assert "There is no session to continue" in readroom("ask", "--continue", "And when?").stderr


def test_forget_wants_to_be_told_what(readroom: Readroom) -> None:
    assert "Name sessions, documents or files, or give --all." in readroom("forget").stderr
    assert readroom("forget", "pump.md", "--all").exit_code == 1
    assert "Nothing is kept of pump.md." in readroom("forget", "pump.md").stderr
    assert readroom("forget", "--all").stdout.startswith("Forgotten: 0 sessions, 0 documents.")


def test_users_are_added_listed_and_taken_out(readroom: Readroom, folder: Path) -> None:
    file = str(folder.parent / "users.json")
    assert "READROOM_USERS_FILE is not set" in readroom("users", "list").stderr
    added = readroom("users", "add", "ada", "--folder", str(folder), "--max-runs", "2", READROOM_USERS_FILE=file)
    assert len(added.stdout.strip()) == 43
    listed = readroom("users", "list", "--json", READROOM_USERS_FILE=file)
    assert json.loads(listed.stdout) == [
        {"name": "ada", "subject": None, "folders": [str(folder)], "library_characters": None, "max_runs": 2}
    ]
    readroom("users", "add", "ben", "--folder", str(folder), "--subject", "ben@example.org", READROOM_USERS_FILE=file)
    assert readroom("users", "remove", "ben", READROOM_USERS_FILE=file).stdout == "ben was taken out.\n"
    assert "no user ben" in readroom("users", "remove", "ben", READROOM_USERS_FILE=file).stderr
    assert readroom("users", "remove", "ada", READROOM_USERS_FILE=file).stdout == "ada was taken out.\n"
    assert readroom("users", "list", READROOM_USERS_FILE=file).stdout == "There is no user.\n"


def test_what_is_kept_of_a_user_is_listed_and_forgotten_apart(readroom: Readroom, folder: Path) -> None:
    hers = str(folder.parent / "data" / "users" / "ada")
    assert readroom("text", "pump.md").exit_code == 0
    assert readroom("text", "pump.md", READROOM_DATA_DIR=hers).exit_code == 0
    assert readroom("forget", "--all", "--user", "ada").stdout.startswith("Forgotten: 0 sessions, 1 document.")
    assert readroom("documents", "--user", "ada").stdout == "No document is kept.\n"
    assert "pump.md" in readroom("documents").stdout


def test_view_serves_the_last_session_with_its_pages(readroom: Readroom, folder: Path) -> None:
    answer = json.loads(readroom("ask", "pump.md", "How many litres does the pump hold?", "--json").stdout)
    cited = answer["citations"][0]
    command = [sys.executable, "-m", "mcp_server", "view"]
    with subprocess.Popen(command, env=environment(folder.parent), cwd=folder, stdout=subprocess.PIPE) as served:
        assert served.stdout
        address, _, token = served.stdout.readline().decode().strip().partition("#")
        key = httpx.post(f"{address}open", content=token).json()["key"]
        headers = {"authorization": f"Bearer {key}"}
        (shown,) = httpx.get(f"{address}results", headers=headers).json()["results"]
        wanted = {"document_id": cited["document_id"], "page": 1, "quotes": [[cited["start"], cited["end"]]]}
        page = httpx.post(f"{address}page", headers=headers, json=wanted).json()
        served.send_signal(signal.SIGINT)
    assert shown["question"] == "How many litres does the pump hold?"
    assert [each["text"] for each in page["text"] if each["quotes"]] == [cited["quote"]]


def test_view_of_a_session_that_is_not_there_says_so(readroom: Readroom) -> None:
    for words in ((), ("0d5f4d7e-9f0e-4a54-8f5c-5b0c5ff7a111",)):
        done = readroom("view", *words)
        assert done.exit_code == 1
        assert "no session to continue" in done.stderr or "is unknown" in done.stderr


def test_view_says_that_its_port_is_taken(readroom: Readroom) -> None:
    readroom("ask", "pump.md", "How many litres does the pump hold?")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = readroom("view", "--port", str(taken.getsockname()[1]))
    assert done.exit_code == 1
    assert "cannot be bound" in done.stderr


def test_serve_names_a_folder_that_is_not_there(readroom: Readroom, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = readroom("serve", "--transport", "http", "--port", str(taken.getsockname()[1]), "--root", "gone")

        endless = readroom("serve", "--transport", "http", "--port", str(taken.getsockname()[1]), "--root", "a" * 300)

    assert f"{folder / 'gone'} is not a folder" in done.stderr
    assert "is not a folder" in endless.stderr
    assert (done.exit_code, endless.exit_code) == (1, 1)
