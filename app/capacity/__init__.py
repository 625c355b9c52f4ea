"""The Braze send model and the planner: pure, deterministic, no input or output.

`plan` reads a plan file, `send` plays it second by second against a `service`, `report` prints it. `planner` judges
it by what is known of the service (`ceiling`, `evidence`, `scaling`): may it be sent, and how fast.
"""
