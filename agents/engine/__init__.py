"""Engines: one seam, engine.run(task)."""
