"""Search: the passages that share the question's words or meaning, best first."""
