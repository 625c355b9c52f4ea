"""The chart, rendered by the real helm: valid to the letter, settings that the service takes, commands that there are."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import click
import kubernetes_validate
import pytest
import yaml

from tests.deploy.described import DEPLOY, check_command, check_commands, settings_of

if TYPE_CHECKING:
    from pathlib import Path

CHART = DEPLOY / "chart"
KUBERNETES = "1.37"
EVERYTHING = {
    "cluster": {"enabled": True},
    "ingress": {"enabled": True, "annotations": {"example.com/a": "b"}},
    "image": {"digest": "sha256:" + "0" * 64, "pullSecrets": [{"name": "registry"}]},
    "settings": {"CJ_DEADLINE_MS": 700, "CJ_COUNTING": "on"},
    "serve": {
        "sharedLimits": True,
        "autoscaling": {"enabled": True},
        "nodeSelector": {"pool": "serve"},
        "tolerations": [{"key": "serve", "operator": "Exists"}],
    },
    "networkPolicy": {
        key: [{"namespaceSelector": {"matchLabels": {"a": "b"}}}]
        for key in ("serveFrom", "plannerFrom", "metricsFrom")
    },
    "cronJobs": {
        "another": {
            "enabled": True,
            "schedule": "0 * * * *",
            "command": ["refresh", "--changed"],
            "secretEnv": {"AWS_ACCESS_KEY_ID": {"name": "bucket", "key": "id"}},
        }
    },
}


def ran(helm: Path, *words: str, values: object = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [helm, *words, "--values", "-"],
        input=yaml.safe_dump(values or {}),
        capture_output=True,
        text=True,
        check=False,
    )


def rendered(helm: Path, release: str, values: object) -> list[dict[str, Any]]:
    """A release's resources."""
    told = ran(helm, "template", release, str(CHART), values=values)
    assert told.returncode == 0, told.stderr
    return [one for one in yaml.safe_load_all(told.stdout) if one]


@pytest.fixture(scope="module", params=["as it comes", "everything on"])
def resources(request: pytest.FixtureRequest, helm: Path) -> list[dict[str, Any]]:
    return rendered(helm, "jobs", EVERYTHING if request.param == "everything on" else {})


def pods(resources: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for one in resources:
        if one["kind"] in {"Deployment", "Job", "CronJob"}:
            spec = one["spec"]
            spec = spec["jobTemplate"]["spec"] if one["kind"] == "CronJob" else spec
            found.append((one["metadata"]["name"], spec["template"]["spec"]))
    return found


def test_helm_finds_no_fault(helm: Path) -> None:
    linted = ran(helm, "lint", "--strict", str(CHART), values=EVERYTHING)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_each_resource_is_what_kubernetes_takes(resources: list[dict[str, Any]]) -> None:
    for one in resources:
        kubernetes_validate.validate(one, KUBERNETES, strict=True)
    kinds = {one["kind"] for one in resources}
    assert kinds >= {"Deployment", "Service", "PodDisruptionBudget", "Job", "CronJob", "NetworkPolicy"}


def test_the_schema_would_find_a_typo(resources: list[dict[str, Any]]) -> None:
    deployment = next(one for one in resources if one["kind"] == "Deployment")
    wrong = {**deployment, "spec": {**deployment["spec"], "replcas": 2}}
    with pytest.raises(kubernetes_validate.ValidationError, match="replcas"):
        kubernetes_validate.validate(wrong, KUBERNETES, strict=True)


def test_each_container_may_do_nothing_but_its_work(resources: list[dict[str, Any]]) -> None:
    for name, pod in pods(resources):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False), name
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True, name
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted == {volume["name"] for volume in pod["volumes"]}, name
            for variable in container["env"]:
                assert "secretKeyRef" not in str(variable) or variable["name"].startswith("AWS_")
                assert "postgresql://" not in str(variable), "secrets are files, by reference"


def test_the_service_takes_each_containers_settings(resources: list[dict[str, Any]], tmp_path: Path) -> None:
    for _, pod in pods(resources):
        for container in pod["containers"]:
            environment = {one["name"]: one.get("value", "pod-name") for one in container["env"]}
            settings_of(environment, tmp_path)


def test_each_command_is_one_of_ours(resources: list[dict[str, Any]]) -> None:
    seen = []
    for _, pod in pods(resources):
        words = pod["containers"][0].get("command", ["connected-jobs", "serve"])
        if words[0] == "sh":
            seen += check_commands(words[2])
        elif words[0] == "connected-jobs":
            check_command(words[1:])
            seen.append(" ".join(words))
        else:
            assert words[:2] in (["dask", "scheduler"], ["dask", "worker"])
    assert {"connected-jobs serve", "connected-jobs migrate", "connected-jobs planner"} <= set(seen)


def test_probes_ask_what_is_answered(resources: list[dict[str, Any]]) -> None:
    asked = [
        container[probe]["httpGet"]["path"]
        for _, pod in pods(resources)
        for container in pod["containers"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe")
        if probe in container
    ]
    assert set(asked) == {"/health/live", "/health/ready"}


def test_no_pod_of_a_release_is_open_but_where_a_policy_says_so(resources: list[dict[str, Any]]) -> None:
    policies = [one for one in resources if one["kind"] == "NetworkPolicy"]
    closed = [one["metadata"]["name"] for one in policies if "ingress" not in one["spec"]]
    assert closed == ["jobs"]
    open_to = {
        one["metadata"]["name"]: one["spec"]["ingress"] for one in policies if "ingress" in one["spec"]
    }
    assert {"jobs-serve", "jobs-planner"} <= set(open_to)
    for rule in open_to.get("jobs-cluster", []):
        assert rule["from"], "the scheduler's port runs code for whoever reaches it"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"serve": {"replica": 3}}, "'replica' not allowed"),
        ({"serve": {"replicas": "many"}}, "/serve/replicas"),
        ({"serve": {"workers": 0}}, "/serve/workers"),
        ({"settings": {"DEADLINE_MS": 1}}, "DEADLINE_MS"),
        ({"cronJobs": {"refresh": {"schedule": "nightly"}}}, "/cronJobs/refresh/schedule"),
        ({"cronJobs": {"refresh": {"command": "refresh"}}}, "/cronJobs/refresh/command"),
        ({"image": {"digest": "latest"}}, "/image/digest"),
        ({"image": {"repository": "registry.example.com/connected-jobs:1.0"}}, "/image/repository"),
        ({"image": {"tag": 20261201}}, "/image/tag"),
        ({"image": {"pullSecrets": ["registry"]}}, "/image/pullSecrets/0"),
        ({"settings": {"CJ_WORKERS": 4}}, "settings.CJ_WORKERS: this chart sets it, by serve.workers."),
        ({"nameOverride": "x"}, "'nameOverride' not allowed"),
        ({"files": {"a/b.toml": "x"}}, "a/b.toml"),
        ({"secrets": {"database-url": "postgresql://…"}}, "/secrets"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(helm: Path, values: object, said: str) -> None:
    refused = ran(helm, "template", "jobs", str(CHART), values=values)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert said in refused.stderr


STRANGERS: dict[str, tuple[str, dict[str, Any]]] = {
    "a release named like another of its beginning": ("connected-jobs-production-recommendations-for-board-a", {}),
    "a release that is a number": ("2026", {}),
    "a release with a dot": ("jobs.v1", {}),
    "a job with a long name": ("j" * 53, {"cronJobs": {"n" * 32: {"enabled": True, "schedule": "@daily", "command": ["refresh"]}}}),
    "ids that OpenShift gives": ("jobs", {"pods": {"securityContext": dict.fromkeys(("runAsUser", "runAsGroup", "fsGroup"))}}),
    "no resources": ("jobs", {"serve": {"resources": None}, "planner": {"resources": None}}),
    "addresses of IPv6": ("jobs", {"listen": "[::]"}),
    "a load balancer that has the certificate": ("jobs", {"ingress": {"enabled": True, "className": "", "tlsSecret": ""}}),
    "a host that is a number": ("jobs", {"ingress": {"enabled": True, "host": "1.2"}}),
    "tainted nodes": (
        "jobs",
        {"pods": {"tolerations": [{"key": "a", "operator": "Exists"}], "nodeSelector": {"a": "b"}, "annotations": {"a/b": "1"},
                  "serviceAccountName": "cj", "priorityClassName": "high", "affinity": {"nodeAffinity": {}}},
         "serve": {"tolerations": [{"key": "serve", "operator": "Exists"}]}},
    ),
    "a long time": ("jobs", {"cronJobs": {"refresh": {"deadlineSeconds": 1_209_600}}}),
    "a registry with a port": ("jobs", {"image": {"repository": "registry.example.com:5000/a/connected-jobs", "tag": "20261201"}}),
    "a file": ("jobs", {"files": {"attributes.toml": 'destination = "braze"\nquery = """\nSELECT 1 -- {{ no template }}\n"""\n'}}),
}  # fmt: skip


@pytest.mark.parametrize("stranger", STRANGERS)
def test_what_strangers_say_gives_what_kubernetes_takes(helm: Path, stranger: str, tmp_path: Path) -> None:
    release, values = STRANGERS[stranger]
    resources = rendered(helm, release, {**values, "cluster": {"enabled": True}})
    for one in resources:
        kubernetes_validate.validate(one, KUBERNETES, strict=True)
        name = one["metadata"]["name"]
        assert re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", name), name
        assert len(name) <= (52 if one["kind"] == "CronJob" else 63), name
    names = [(one["kind"], one["metadata"]["name"]) for one in resources]
    assert len(set(names)) == len(names)
    for name, pod in pods(resources):
        for container in pod["containers"]:
            assert len({one["name"] for one in container["env"]}) == len(container["env"]), name
            settings_of({one["name"]: one.get("value", "pod-name") for one in container["env"]}, tmp_path)


def test_two_releases_in_one_namespace_share_no_name(helm: Path) -> None:
    long = "connected-jobs-production-recommendations-for-board"
    one, other = (
        {(each["kind"], each["metadata"]["name"]) for each in rendered(helm, f"{long}-{end}", {})}
        for end in ("a", "b")
    )
    assert one & other == set()


def test_what_is_said_of_all_pods_reaches_each_and_a_part_may_say_otherwise(helm: Path) -> None:
    release, values = STRANGERS["tainted nodes"]
    for name, pod in pods(rendered(helm, release, {**values, "cluster": {"enabled": True}})):
        assert pod["tolerations"][0]["key"] == ("serve" if name == "jobs-serve" else "a")
        assert (pod["nodeSelector"], pod["serviceAccountName"], pod["priorityClassName"]) == (
            {"a": "b"},
            "cj",
            "high",
        )


def test_ids_may_be_left_to_the_cluster_and_nothing_else_is_given_up(helm: Path) -> None:
    release, values = STRANGERS["ids that OpenShift gives"]
    for name, pod in pods(rendered(helm, release, values)):
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }, name


def test_settings_are_written_as_the_service_reads_them(helm: Path, tmp_path: Path) -> None:
    values = {"settings": {"CJ_HARD_RPS": 1_000_000, "CJ_COUNTING": False, "CJ_DEADLINE_MS": "800"}}
    (serve,) = (pod for name, pod in pods(rendered(helm, "jobs", values)) if name == "jobs-serve")
    told = {one["name"]: one.get("value", "pod-name") for one in serve["containers"][0]["env"]}
    assert (told["CJ_HARD_RPS"], told["CJ_COUNTING"], told["CJ_DEADLINE_MS"]) == ("1000000", "off", "800")
    settings_of(told, tmp_path)


def test_a_file_of_the_values_is_there_for_jobs_by_the_clock(helm: Path) -> None:
    release, values = STRANGERS["a file"]
    resources = rendered(helm, release, values)
    (files,) = (one["data"] for one in resources if one["kind"] == "ConfigMap")
    assert files == values["files"]
    (job,) = (pod for name, pod in pods(resources) if name == "jobs-refresh")
    mounts = {one["name"]: one["mountPath"] for one in job["containers"][0]["volumeMounts"]}
    assert mounts["files"] == "/etc/connected-jobs/files"


def test_a_command_that_is_none_of_ours_would_be_seen() -> None:
    with pytest.raises(click.ClickException):
        check_command(["refresh", "--nightly"])
    with pytest.raises(click.ClickException):
        check_command(["refreshh"])
