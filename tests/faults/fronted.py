"""The published nginx.conf before the service, with room for a thousand slow clients."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.web.test_nginx import CONF, HOST, free_port, placed, self_signed, wait_until_listening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CONNECTIONS = 4096  # nginx's own default, 512, is less than the slow clients there are


@contextmanager
def nginx_before(service_port: int, folder: Path) -> Iterator[tuple[int, tuple[ssl.SSLContext, str]]]:
    """Nginx on a port of its own; yields it, and what to trust there under which name."""
    if not shutil.which("nginx") or not shutil.which("openssl"):
        pytest.skip("nginx or openssl is not installed: slow clients are kept away by nginx")
    certificate, key = self_signed(folder)
    https, http = free_port(), free_port()
    site = placed(
        CONF.read_text(encoding="utf-8"),
        {
            "server 127.0.0.1:8080;": f"server 127.0.0.1:{service_port};",
            "listen 443 ssl;": f"listen 127.0.0.1:{https} ssl;",
            "listen 80;": f"listen 127.0.0.1:{http};",
            "/etc/ssl/connected-jobs/fullchain.pem": str(certificate),
            "/etc/ssl/connected-jobs/privkey.pem": str(key),
            "/var/log/nginx/connected-jobs.log": str(folder / "access.log"),
            "/var/www/acme": str(folder),
        },
    )
    paths = "".join(
        f"{name}_temp_path {folder / name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    main.write_text(
        f"daemon off; worker_processes 1; pid {folder / 'nginx.pid'}; error_log {folder / 'error.log'};\n"
        f"events {{ worker_connections {_CONNECTIONS}; }}\nhttp {{\n{paths}{site}\n}}\n",
        encoding="utf-8",
    )
    process = subprocess.Popen(["nginx", "-p", folder, "-c", main], stderr=subprocess.DEVNULL)
    try:
        wait_until_listening(process, https)
        yield https, (ssl.create_default_context(cafile=certificate), HOST)
    finally:
        process.terminate()
        process.wait(10)
