"""What the harness refuses to do, said in one sentence with the way out."""


class LoadtestError(Exception):
    """Wrong input, a host that is not allowed, or a service that is not there."""


class BenchError(Exception):
    """Something to measure with is missing, or a peer did not do what it is measured for."""
