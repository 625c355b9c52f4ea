"""Runs the containers of docs/deploy/compose.yaml with podman, as far as a machine without a registry of images can.

Ours are the very image, with the commands, settings, secrets, mounts and limits that the file gives them. PostgreSQL, nginx,
Prometheus and Valkey are Debian's programs in one image of Debian packages (`--others`), in place of the official images; Grafana is
not there. One network namespace with nothing but loopback stands for Compose's network: each service has its own address in
127.0.0.0/8 and its own name, so ports are those of the file.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.deploy.described import DEPLOY, read_compose

if TYPE_CHECKING:
    from collections.abc import Sequence

START_S = 120.0
LEFT_OUT = {"grafana"}
BIND = {"serve-a": "CJ_BIND", "serve-b": "CJ_BIND", "planner": "CJ_PLANNER_BIND"}
PORT = {"CJ_BIND": 8080, "CJ_PLANNER_BIND": 8081}
# What the official images' own entry points do, for Debian's programs.
ENTRY = {
    "postgres": r"""
        set -e
        bin=$(ls -d /usr/lib/postgresql/*/bin)
        install -d -o postgres /var/lib/postgresql /run/postgresql
        run() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
        run "$bin/initdb" --encoding=UTF8 --locale=C.UTF-8 --auth=scram-sha-256 --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" /var/lib/postgresql/data
        run "$bin/pg_ctl" --wait --pgdata=/var/lib/postgresql/data start -o "-c listen_addresses="
        PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") createdb --username="$POSTGRES_USER" --host=/run/postgresql "$POSTGRES_DB"
        run "$bin/pg_ctl" --wait --pgdata=/var/lib/postgresql/data stop
        exec setpriv --reuid=postgres --regid=postgres --clear-groups "$bin/postgres" -D /var/lib/postgresql/data -c listen_addresses='*'
    """,
    "prometheus": "exec prometheus --config.file=/etc/prometheus/prometheus.yml --storage.tsdb.path=/prometheus",
}


@dataclass
class Containers:
    """The file's services as containers in one network namespace."""

    engine: Sequence[str]
    images: dict[str, str]
    folder: Path
    namespace: str
    services: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        found = read_compose(self.folder / "deploy" / "compose.yaml")
        self.services = {name: one for name, one in found["services"].items() if name not in LEFT_OUT}

    def address(self, name: str) -> str:
        """The loopback address that stands for a service's own."""
        return f"127.0.1.{10 + list(self.services).index(name)}"

    @staticmethod
    def container(name: str) -> str:
        """The name of a service's container, as Compose would make one."""
        return f"connected-jobs-{name}"

    def up(self) -> None:
        """Start every service when what it depends on is as the file wants it."""
        started: set[str] = set()
        while len(started) < len(self.services):
            ready = [
                name
                for name, one in self.services.items()
                if name not in started and set(one.get("depends_on", {})) <= started
            ]
            for name in ready:
                for other, wanted in self.services[name].get("depends_on", {}).items():
                    self._await(other, wanted["condition"])
                self._start(name)
                started.add(name)

    def _start(self, name: str) -> None:
        one = self.services[name]
        ours = one["image"] == "connected-jobs"
        environment = dict(one.get("environment", {}))
        if name in BIND:
            environment[BIND[name]] = f"{self.address(name)}:{PORT[BIND[name]]}"
        words = [
            "run",
            "--detach",
            "--name",
            self.container(name),
            "--network",
            f"ns:/run/netns/{self.namespace}",
        ]
        words += [
            "--ulimit",
            "nofile=4096:4096",
            "--ulimit",
            "nproc=4096:4096",
            "--health-interval",
            "disable",
        ]
        for other in self.services:
            words += ["--add-host", f"{other}:{self.address(other)}"]
        for key, value in environment.items():
            words += ["--env", f"{key}={value}"]
        for secret in one.get("secrets", []):
            words += ["--volume", f"{self.folder}/deploy/secrets/{secret}:/run/secrets/{secret}:ro"]
        for volume in one.get("volumes", []):
            source, _, target = volume.partition(":")
            words += [
                "--volume",
                f"{(self.folder / 'deploy' / source).resolve() if source[0] == '.' else source}:{target}",
            ]
        words += ["--read-only"] if one.get("read_only") else []
        words += [word for path in one.get("tmpfs", []) for word in ("--tmpfs", path)]
        words += [word for cap in one.get("cap_drop", []) for word in ("--cap-drop", cap)]
        words += [word for cap in one.get("cap_add", []) for word in ("--cap-add", cap)]
        words += [
            word
            for option in one.get("security_opt", [])
            for word in ("--security-opt", option.replace(":true", ""))
        ]
        command = ["sh", "-c", ENTRY[name]] if name in ENTRY else one.get("command", [])
        self.ask(*words, self.images["ours" if ours else "others"], *map(str, command))

    def _await(self, name: str, condition: str) -> None:
        end = time.monotonic() + START_S
        if condition == "service_completed_successfully":
            code = self.ask("wait", self.container(name)).strip()
            if code != "0":
                raise SystemExit(f"{name} ended with {code}:\n{self.logs(name)}")
            return
        check = self.services[name].get("healthcheck", {}).get("test")
        test = (
            ["exec", self.container(name), *check[1:]]
            if check
            else ["healthcheck", "run", self.container(name)]
        )
        while condition == "service_healthy" and not self.does(*test):
            if time.monotonic() > end:
                raise SystemExit(f"{name} is not healthy:\n{self.logs(name)}")
            time.sleep(0.3)

    def ask(self, *words: str) -> str:
        """What the engine answers; ends the program where it fails."""
        ran = subprocess.run([*self.engine, *words], capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise SystemExit(f"{' '.join(words[:3])}: {ran.stderr}{ran.stdout}")
        return ran.stdout

    def does(self, *words: str) -> bool:
        """Whether the engine does it."""
        return subprocess.run([*self.engine, *words], capture_output=True, check=False).returncode == 0

    def logs(self, name: str) -> str:
        """The end of a container's log."""
        ran = subprocess.run(
            [*self.engine, "logs", "--tail", "30", self.container(name)],
            capture_output=True,
            text=True,
            check=False,
        )
        return ran.stdout + ran.stderr

    def secret(self, name: str) -> str:
        """A secret that make-secrets wrote."""
        return (self.folder / "deploy" / "secrets" / name).read_text().strip()

    def curl(self, url: str, *words: str) -> str:
        """Ask inside the network, by the services' names; ends the program where that fails within a while."""
        names = [
            word
            for name in self.services
            for word in ("--resolve", f"{name}:{_port(url)}:{self.address(name)}")
        ]
        end = time.monotonic() + START_S
        while True:
            asked = [
                "ip",
                "netns",
                "exec",
                self.namespace,
                "curl",
                "--silent",
                "--show-error",
                "--fail",
                *names,
                *words,
                url,
            ]
            ran = subprocess.run(asked, capture_output=True, text=True, check=False)
            if ran.returncode == 0:
                return ran.stdout
            if time.monotonic() > end:
                raise SystemExit(f"{url}: {ran.stderr}")
            time.sleep(0.3)


def _port(url: str) -> int:
    port = url.split("/")[2].rpartition(":")[2]
    return int(port) if port.isdigit() else (443 if url.startswith("https") else 80)


def check(containers: Containers) -> None:
    """A newcomer's first hour: a board, lists, a call through nginx, the planner, metrics, one instance lost."""
    containers.ask(
        "exec", containers.container("refresh"), "sh", "-c",
        "connected-jobs generate /tmp/board --members 300 --postings 200 && connected-jobs import /tmp/board",
    )  # fmt: skip
    containers.ask("exec", containers.container("refresh"), "connected-jobs", "refresh", "--at-once")
    member = containers.ask(
        "exec", containers.container("refresh"), "connected-jobs", "members", "export", "--most", "1"
    ).strip()
    entrance = (
        "--cacert", f"{containers.folder}/deploy/secrets/tls-certificate", "--user", f"braze:{containers.secret('braze')}",
        "--resolve", f"jobs-api.example.com:443:{containers.address('nginx')}",
    )  # fmt: skip
    call = f"https://jobs-api.example.com/v1/members/{member}/recommendations?campaign=weekly-digest"
    first = json.loads(containers.curl(call, *entrance))
    assert (first["source"], first["degraded"]) == ("personalized", None), first
    for name in ("serve-a", "serve-b"):
        assert "true" in containers.curl(f"http://{name}:8080/health/ready"), name
    assert "<form" in containers.curl("http://planner:8081/sign-in")
    containers.curl(
        "http://planner:8081/v1/capacity/workspace", "--user", f"operator:{containers.secret('operator')}"
    )
    up = "http://prometheus:9090/api/v1/query?query=sum(up)"
    end = time.monotonic() + START_S
    while (seen := json.loads(containers.curl(up))["data"]["result"]) == [] or float(seen[0]["value"][1]) < 3:
        if time.monotonic() > end:
            raise SystemExit(f"Prometheus sees {seen}")
        time.sleep(1)
    containers.ask("stop", "--time", "20", containers.container("serve-a"))
    assert json.loads(containers.curl(call, *entrance))["postings"] == first["postings"]
    for name in ("serve-b", "planner", "refresh"):
        containers.ask("stop", "--time", "20", containers.container(name))
    for name in ("serve-a", "serve-b", "planner"):
        code = containers.ask(
            "inspect", "--format", "{{.State.ExitCode}}", containers.container(name)
        ).strip()
        assert code == "0", f"{name} ended with {code}"


def main() -> None:
    """Start, check, take down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", required=True, help="our image")
    parser.add_argument(
        "--others",
        required=True,
        help="an image with Debian's postgresql, nginx, prometheus, and valkey-server",
    )
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("engine", nargs="+", help="podman and its options")
    given = parser.parse_args()
    shutil.copytree(DEPLOY, given.folder / "deploy", ignore=shutil.ignore_patterns("secrets"))
    shutil.copytree(DEPLOY.parent / "observability", given.folder / "observability")
    shutil.copy(DEPLOY.parent / "nginx.conf", given.folder)
    for made in (given.folder, given.folder / "deploy"):
        made.chmod(0o711)
    subprocess.run([given.folder / "deploy" / "make-secrets"], check=True, stdout=subprocess.DEVNULL)
    namespace = f"cj-{given.folder.name[-8:]}"
    subprocess.run(["ip", "netns", "add", namespace], check=True)
    containers = Containers(
        given.engine, {"ours": given.image, "others": given.others}, given.folder, namespace
    )
    try:
        subprocess.run(["ip", "-n", namespace, "link", "set", "lo", "up"], check=True)
        containers.up()
        check(containers)
    except (SystemExit, AssertionError):
        for name in containers.services:
            sys.stderr.write(f"--- {name}\n{containers.logs(name)}\n")
        raise
    finally:
        containers.does("rm", "--force", "--all", "--time", "1")
        subprocess.run(["ip", "netns", "delete", namespace], check=False)


if __name__ == "__main__":
    main()
