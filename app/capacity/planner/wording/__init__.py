"""A judgement in words: sentences in Korean and English, and the command's text."""
