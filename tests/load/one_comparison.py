"""`python -m tests.load.one_comparison HOST MEMBER_FILE CREDENTIAL_FILE CEILING_RPS`: one send above the ceiling, compared.

A process of its own, since gevent patches it. Prints the row as JSON.
"""

import sys
from pathlib import Path

import msgspec

from loadtest.ceiling.terminal import Terminal
from loadtest.generator.options import SenderOptions
from loadtest.rehearsal.accuracy import compared
from loadtest.rehearsal.scenarios import read_scenarios, scaled
from loadtest.rehearsal.service_costs import Costs

ABOVE_THE_CEILING = "17"
TARGET_S, PROBE_S = 4.0, 5.0


def main() -> None:
    """Compare and print."""
    host, members, credential, ceiling_rps = sys.argv[1:]
    costs = Costs(ceiling_rps=float(ceiling_rps), overloaded_share=1.0, degraded=1.0, refused=1.0)
    (scenario,) = read_scenarios([ABOVE_THE_CEILING])
    options = SenderOptions(host=host, member_file=Path(members), credential_file=Path(credential))
    sender = options.sender()
    try:
        with Terminal() as terminal:
            row = compared(
                scaled(scenario, costs),
                sender,
                costs,
                target_s=TARGET_S,
                terminal=terminal,
                tries=1,
                probe_s=PROBE_S,
            )
    finally:
        sender.abandon()
    print("ROW", msgspec.json.encode(row).decode())  # noqa: T201 - its parent reads this line


if __name__ == "__main__":
    main()
