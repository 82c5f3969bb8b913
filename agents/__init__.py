"""The agents and everything they stand on; docs/architecture.md has the picture."""
