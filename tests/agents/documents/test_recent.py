from agents.documents.recent import Recent


def test_what_was_not_used_for_longest_goes_first() -> None:
    recent = Recent(max_bytes=30)
    for name in ("old", "used", "new"):
        recent.keep(name, name.upper(), size=10)
    assert recent.get("old") == "OLD"
    recent.keep("newest", "NEWEST", size=10)
    assert [recent.get(name) for name in ("used", "old", "new", "newest")] == [None, "OLD", "NEW", "NEWEST"]


def test_what_is_larger_than_the_ceiling_drives_nothing_out() -> None:
    recent = Recent(max_bytes=30)
    recent.keep("small", "kept", size=10)
    recent.keep("book", "too large", size=31)
    assert (recent.get("small"), recent.get("book")) == ("kept", None)
