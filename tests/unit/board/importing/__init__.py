"""Tests of import files without a database."""
