"""Results: what was counted of past sends and of experiments, what may be concluded, and how it is said."""
