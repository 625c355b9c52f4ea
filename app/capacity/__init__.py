"""The send model and the planner: pure, deterministic, imports nothing of ours."""
