"""The Braze send model and the planner: pure, deterministic, no input or output.

`plan` reads a plan file, `send` plays it second by second against a `service`, `report` prints it.
"""
