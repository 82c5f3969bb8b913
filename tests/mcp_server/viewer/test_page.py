import base64
import hashlib
import re

import pytest

from mcp_server.viewer.page import viewer_page

BOTH = pytest.mark.parametrize("alone", [True, False])


@BOTH
def test_the_policy_lets_in_the_pages_own_script_and_style_and_nothing_else(alone: bool) -> None:
    page = viewer_page(alone=alone)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    for tag in ("script", "style"):
        (source,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert rules[f"{tag}-src"] == f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["connect-src"] == ("'self'" if alone else "'none'")
    assert rules["img-src"] == "data:"


@BOTH
def test_the_page_names_no_address_and_writes_no_markup(alone: bool) -> None:
    page = viewer_page(alone=alone)
    assert not re.findall(r"https?:|//[a-z]+\.", page)
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", page)
    assert len(page) < 100_000
