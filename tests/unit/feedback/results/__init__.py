"""Tests of results; they share worked experiments."""
