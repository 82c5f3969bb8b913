"""Grounding: what code alone can check of a claim, so that no model can talk its way past."""
