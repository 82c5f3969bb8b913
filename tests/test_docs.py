import importlib.util
from pathlib import Path

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
