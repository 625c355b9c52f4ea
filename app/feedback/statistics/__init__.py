"""The statistics of experiments, from sums alone: no member's row is needed, and none is kept."""
