"""Send what changed: a sync's definition, its delta, packing, pacing, and what an answer means; doors and tables are elsewhere."""
