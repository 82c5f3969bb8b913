import json
import tomllib
from pathlib import Path

import jsonschema

from agents.settings import Settings

ROOT = Path(__file__).parents[2]
SERVER = json.loads((ROOT / "server.json").read_text())


def test_it_obeys_the_registrys_schema() -> None:
    schema = json.loads((ROOT / "tests/data/server.schema.json").read_text())
    jsonschema.Draft7Validator(schema).validate(SERVER)
    assert SERVER["$schema"] == schema["$id"]
    assert len(SERVER["description"]) <= 100


def test_its_version_is_the_distributions() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert {SERVER["version"], *(package["version"] for package in SERVER["packages"])} == {version}


def test_it_offers_stdio_and_streamable_http() -> None:
    assert {package["transport"]["type"] for package in SERVER["packages"]} == {"stdio", "streamable-http"}


def test_every_variable_it_names_is_a_setting() -> None:
    known = {"READROOM_DATA_DIR"}
    for section, field in Settings.model_fields.items():
        for name in getattr(field.annotation, "model_fields", {}):
            known.add(f"READROOM_{section}__{name}".upper())
    named = {variable["name"] for package in SERVER["packages"] for variable in package["environmentVariables"]}
    assert named <= known


def test_it_says_that_nothing_of_it_is_published_yet() -> None:
    note = SERVER["_meta"]["io.modelcontextprotocol.registry/publisher-provided"]["note"]
    assert note.startswith("Ready for the day of publication.")
