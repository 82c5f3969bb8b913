"""Measuring Readroom on this machine."""
