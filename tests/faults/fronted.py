"""The published nginx.conf before the service, with room for a thousand slow clients."""

from __future__ import annotations

import shutil
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.web.test_nginx import HOST, nginx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CONNECTIONS = 4096  # nginx's own default, 512, is less than the slow clients there are


@contextmanager
def nginx_before(service_port: int, folder: Path) -> Iterator[tuple[int, tuple[ssl.SSLContext, str]]]:
    """Nginx on a port of its own; yields it, and what to trust there under which name."""
    if not shutil.which("nginx") or not shutil.which("openssl"):
        pytest.skip("nginx or openssl is not installed: slow clients are kept away by nginx")
    with nginx(folder, service_port, connections=_CONNECTIONS) as front:
        yield front.https, (ssl.create_default_context(cafile=front.certificate), HOST)
