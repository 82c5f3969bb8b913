"""Two servers over HTTP and one database, as benchmarks.replicas has them; it kills fifty times."""

from pathlib import Path

from pydantic import SecretStr

from benchmarks.replicas import left, survive_kills, two_servers


async def test_killed_servers_lose_no_acknowledged_turn_and_no_finished_window(
    empty_postgres: SecretStr, tmp_path: Path
) -> None:
    async with two_servers(tmp_path, empty_postgres) as servers:
        figures, turns = await survive_kills(servers, tmp_path, kills=2, longest=3.0, callers=2)
    kept = left(empty_postgres, turns)

    assert figures["calls_refused"] == 0
    assert figures["turns_acknowledged"] > 0
    assert (kept["turns_lost"], kept["windows_computed_twice"]) == (0, 0)
    assert kept["windows_finished"] > 0
