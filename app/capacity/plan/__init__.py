"""The plan file: read with a sentence for each mistake, and written."""
