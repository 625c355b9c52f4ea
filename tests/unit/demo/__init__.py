"""Tests of the generated board."""
