"""The experiments that a worker knows, and the arm of a call; asked at each call of a campaign that has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.feedback.experiments.assignment import Assignment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.feedback.experiments.definition import Arm, Experiment
    from app.serving.store import Store


class Experiments:
    """Experiments that go on, will, or did until lately; a start is known everywhere before it takes effect.

    `campaigns` has the splits of each campaign that has any.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.known: Sequence[Experiment] = ()
        self.campaigns: dict[str, Sequence[Assignment]] = {}

    def update(self) -> None:
        """Read them again; raises `UnavailableError`, and nothing changes."""
        self.restore(self._store.experiments())

    def restore(self, known: Sequence[Experiment]) -> None:
        """Go by these."""
        campaigns: dict[str, list[Assignment]] = {}
        for one in known:
            campaigns.setdefault(one.campaign, []).append(Assignment(one))
        self.known, self.campaigns = known, dict(campaigns)

    def arm_of(self, campaign: str, member_id: str, first_at: datetime) -> Arm | None:
        """The arm of a member in a send that began at `first_at`; None where the send is not split."""
        for one in self.campaigns.get(campaign, ()):
            if one.experiment.splits(first_at):
                return one.arm_of(member_id)
        return None

    def switches(self) -> list[datetime]:
        """The instants at which experiments begin and end."""
        return [at for one in self.known for at in (one.started_at, one.stopped_at) if at is not None]

    def recipes(self) -> list[str]:
        """The recipes whose lists the arms are served, sorted."""
        return sorted({recipe for one in self.known for arm in one.arms if (recipe := arm.needs_run)})
