"""The planner's pages through HTTP."""
