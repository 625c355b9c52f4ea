"""Builders of campaigns for the tests of the send model."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from app.capacity.campaign import AllAtOnce, Campaign, Range, Workspace

NINE = datetime(2026, 11, 23, 9, 0)  # noqa: DTZ001  (wall time, as in a plan)


@pytest.fixture(scope="session")
def campaign() -> Callable[..., Campaign]:
    """Build a campaign of so many recipients: all due on a Monday at nine, one call each, no retry."""

    def build(recipients: int = 1_000, **changes: Any) -> Campaign:
        usual: dict[str, Any] = {
            "name": "digest",
            "kind": "rate_limited",
            "timing": AllAtOnce(NINE),
            "calls_per_recipient": Range.exactly(1),
        }
        return Campaign(audience=Range.exactly(recipients), **(usual | changes))

    return build


@pytest.fixture(scope="session")
def seoul() -> Workspace:
    """A workspace without a limit, in Seoul."""
    return Workspace(time_zone="Asia/Seoul")
