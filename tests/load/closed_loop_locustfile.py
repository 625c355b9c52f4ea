"""Locust's plain closed loop, as most load tests have it: ten users who each wait for an answer before they ask again."""

import itertools

from locust import FastHttpUser, constant_throughput, task

numbers = itertools.count()


class ClosedLoop(FastHttpUser):
    """Asks ten times a second, if the service lets it."""

    wait_time = constant_throughput(10)

    @task
    def ask(self) -> None:
        """Ask for a member."""
        path = f"/v1/members/m{next(numbers)}/recommendations?campaign=loadtest"
        self.client.get(path, name="recommendations")
