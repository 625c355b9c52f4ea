"""How dear an answer is beside the least that Flask, WSGI and FastAPI could do: see docs/decisions/benchmark.md."""
