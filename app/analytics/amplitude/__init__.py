"""Amplitude: uploads of a project, and what it is asked to delete."""
