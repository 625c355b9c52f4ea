"""What the benchmark refuses to do, said in one sentence with the way out."""


class BenchError(Exception):
    """Something to measure with is missing, or a peer did not do what it is measured for."""
