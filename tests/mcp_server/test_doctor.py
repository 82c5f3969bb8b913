import json
import subprocess
import sys
from pathlib import Path

import pytest

from agents.engine.vllm.launch import INSTALL_VLLM, USE_A_SERVER
from agents.settings import Settings, ignored_variables
from mcp_server.doctor import Check, Diagnosis, mark_commands
from tests.support.processes import REPOSITORY, environment


def readroom(data_dir: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mcp_server", *words],
        cwd=REPOSITORY,
        env=environment(data_dir, **variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("READROOM_DOCUMENTS_ROOTS", "READROOM_DOCUMENTS__ROOTS"),
        ("READROOM_ENGINE__KINDD", "READROOM_ENGINE__KIND"),
        ("READROOM_DATADIR", "READROOM_DATA_DIR"),
        ("readroom_server_port", "READROOM_SERVER__PORT"),
    ],
)
def test_a_misspelt_variable_is_told_with_the_name_that_is_meant(wrong: str, right: str) -> None:
    (told,) = ignored_variables(dict.fromkeys([wrong, right, "PATH"], "x"))
    assert told == f"{wrong} is no setting and is ignored. Did you mean {right}?"


def test_a_variable_that_resembles_no_setting_points_to_the_list() -> None:
    assert ignored_variables({"READROOM_XYZ": "x"}) == (
        "READROOM_XYZ is no setting and is ignored. docs/settings.md lists all.",
    )


def test_no_variable_that_readroom_reads_is_called_ignored() -> None:
    sections = Settings().model_dump()
    names = [f"READROOM_{name}" for name in sections]
    names += [
        f"READROOM_{name}__{key}" for name, section in sections.items() if isinstance(section, dict) for key in section
    ]
    others = ["READROOM_TEST_VLLM", "READROOM_TEST_REQUIRE_VLLM", "READROOM_VLLM_KERNELS"]
    assert ignored_variables(dict.fromkeys([*map(str.upper, names), *names, *others], "x")) == ()


def test_a_misspelt_variable_that_is_empty_is_not_told() -> None:
    assert ignored_variables({"READROOM_XYZ": ""}) == ()


def test_doctor_warns_of_a_misspelt_variable_and_is_well_otherwise(tmp_path: Path) -> None:
    done = readroom(tmp_path, "doctor", "--json", READROOM_DOCUMENTS_ROOTS="/papers", READROOM_TEST_VLLM="")
    (check,) = [check for check in json.loads(done.stdout)["checks"] if check["name"] == "settings"]
    assert done.returncode == 0
    assert check["state"] == "note"
    assert "READROOM_DOCUMENTS__ROOTS" in check["detail"]


def test_serve_warns_of_a_misspelt_variable_in_one_line_on_stderr(tmp_path: Path) -> None:
    done = readroom(tmp_path, "serve", READROOM_DOCUMENTS_ROOTS="/papers")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        "READROOM_DOCUMENTS_ROOTS is no setting and is ignored. Did you mean READROOM_DOCUMENTS__ROOTS?\n"
    )


def test_a_misspelt_variable_of_a_section_is_refused_with_the_name_that_is_meant(tmp_path: Path) -> None:
    done = readroom(tmp_path, "ask", "a.txt", "Why?", READROOM_ENGINE__KINDD="extractive")
    assert done.returncode == 1
    assert done.stderr == "Error: READROOM_ENGINE__KINDD is no setting.\nDid you mean READROOM_ENGINE__KIND?\n"


WRONG_KIND = "READROOM_ENGINE__KIND is vlmm, which is no engine."
KINDS = "Set it to one of: auto, openai, vllm, extractive."


def test_a_server_whose_engine_has_no_such_name_does_not_start(tmp_path: Path) -> None:
    done = readroom(tmp_path, "serve", READROOM_ENGINE__KIND="vlmm")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: {WRONG_KIND}\n{KINDS}\n"


def test_doctor_names_an_engine_that_does_not_exist(tmp_path: Path) -> None:
    done = readroom(tmp_path, "doctor", "--json", READROOM_ENGINE__KIND="vlmm")
    (check,) = [check for check in json.loads(done.stdout)["checks"] if check["name"] == "engine"]
    assert check["state"] == "problem"
    assert WRONG_KIND in check["detail"]
    assert KINDS in check["detail"]


def test_only_commands_stand_in_code_marks() -> None:
    fixes = mark_commands(
        (f"an NVIDIA GPU, or a server elsewhere: {USE_A_SERVER}", INSTALL_VLLM, "Free some GPU memory.")
    )
    assert fixes == (
        f"an NVIDIA GPU, or a server elsewhere: `{USE_A_SERVER}`",
        f"`{INSTALL_VLLM}`",
        "Free some GPU memory.",
    )
    text = Diagnosis(checks=(Check(name="engine", state="note", detail="extractive.", fix=fixes),)).text()
    assert text.splitlines()[-3:] == [f"- {fix}" for fix in fixes]
