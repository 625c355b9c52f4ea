"""The import format: a folder's files, their rows, each value read or refused in a sentence."""
