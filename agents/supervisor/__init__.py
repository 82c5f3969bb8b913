"""The supervisor over five agents."""
