"""The `connected-jobs` command: reads settings, builds parts, runs one thing."""

import os

# Refreshes rank in as many processes as there are cores: threads inside each would only get in each other's way.
# Must stand before anything imports numpy.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
