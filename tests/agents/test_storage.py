import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from agents.storage import open_shared, transaction

SCHEMA = "CREATE TABLE IF NOT EXISTS words (word TEXT PRIMARY KEY)"


MAKE_AND_PUT = """
import sys
from pathlib import Path
from agents.storage import open_shared, transaction

connection = open_shared(Path(sys.argv[1]), sys.argv[2])
with transaction(connection):
    connection.execute("INSERT INTO words VALUES (?)", (sys.argv[3],))
"""


def put_twice(connection: sqlite3.Connection, word: str) -> None:
    with transaction(connection):
        connection.execute("INSERT INTO words VALUES (?)", (word,))
        connection.execute("INSERT INTO words VALUES (?)", (word,))


def words(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT word FROM words ORDER BY word")]


def test_a_file_is_made_with_its_folder_and_read_by_others_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "words.db"
    one, other = open_shared(path, SCHEMA), open_shared(path, SCHEMA)

    with transaction(one):
        one.execute("INSERT INTO words VALUES ('first')")
        assert words(other) == []
    assert words(other) == ["first"]
    for connection in (one, other):
        connection.close()


def test_what_fails_is_undone_as_a_whole(tmp_path: Path) -> None:
    connection = open_shared(tmp_path / "words.db", SCHEMA)

    with pytest.raises(sqlite3.IntegrityError):
        put_twice(connection, "first")

    assert words(connection) == []
    with transaction(connection):
        connection.execute("INSERT INTO words VALUES ('second')")
    assert words(connection) == ["second"]
    connection.close()


def test_processes_that_make_the_file_at_once_all_get_it(tmp_path: Path) -> None:
    path = tmp_path / "words.db"

    makers = [subprocess.Popen([sys.executable, "-c", MAKE_AND_PUT, str(path), SCHEMA, name]) for name in "abcdef"]

    assert [maker.wait(60) for maker in makers] == [0] * 6
    connection = open_shared(path, SCHEMA)
    assert words(connection) == list("abcdef")
    connection.close()


def test_what_is_no_database_is_refused_and_let_go(tmp_path: Path) -> None:
    path = tmp_path / "words.db"
    path.write_text("no database, but long enough to be looked at")

    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        open_shared(path, SCHEMA)
