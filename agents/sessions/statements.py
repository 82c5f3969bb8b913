"""The statements of sessions.db: llama-index's table of messages, and our own of sessions and their documents."""

# llama-index's table holds two messages to a turn; its `key` is our session's id.
MESSAGES = "messages"
TABLES = (
    """CREATE TABLE IF NOT EXISTS sessions (
        id TEXT PRIMARY KEY, created REAL NOT NULL, used REAL NOT NULL,
        summary TEXT NOT NULL DEFAULT '', summarized INTEGER NOT NULL DEFAULT 0)""",
    "CREATE INDEX IF NOT EXISTS sessions_used ON sessions (used)",
    """CREATE TABLE IF NOT EXISTS session_documents (
        session_id TEXT NOT NULL, document_id TEXT NOT NULL, PRIMARY KEY (session_id, document_id))""",
)
CREATE = (
    "DELETE FROM messages WHERE key IN (SELECT id FROM sessions WHERE used < :oldest)",
    "DELETE FROM session_documents WHERE session_id IN (SELECT id FROM sessions WHERE used < :oldest)",
    "UPDATE sessions SET summary = '', summarized = 0 WHERE used < :oldest AND summarized > 0",
    "DELETE FROM sessions WHERE used < :forgotten",
    "INSERT INTO sessions (id, created, used) VALUES (:id, :now, :now)",
)
STATE = """
    SELECT summary, summarized,
        (SELECT COUNT(*) / 2 FROM messages WHERE key = :id) AS turns,
        (SELECT COUNT(*) / 2 FROM messages WHERE key = :id AND status = 'archived') AS archived
    FROM sessions WHERE id = :id
"""
TURNS = """
    SELECT data FROM messages WHERE key = :id AND (:status IS NULL OR status = :status)
    ORDER BY timestamp, id LIMIT :limit OFFSET :offset
"""
OVERVIEW = """
    SELECT id, used,
        (SELECT COUNT(*) / 2 FROM messages WHERE key = sessions.id) AS turns,
        (SELECT data FROM messages WHERE key = sessions.id ORDER BY timestamp, id LIMIT 1) AS first,
        (SELECT json_group_array(document_id) FROM session_documents WHERE session_id = sessions.id) AS documents
    FROM sessions WHERE used >= :oldest ORDER BY used DESC
"""
FORGET = (
    "DELETE FROM messages WHERE key = :id",
    "DELETE FROM session_documents WHERE session_id = :id",
    "DELETE FROM sessions WHERE id = :id",
)
