"""nginx, as a proxy in front of the service."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.integration.free_port import free_port

_CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {servers}
}}
"""
# One kept connection to the service, and bodies passed on as they come: what is smuggled meets the next request.
_PASSING_ON = """
upstream chatcore {{ server {service}; keepalive 1; }}
server {{
  listen 127.0.0.1:{port};
  location / {{
    proxy_pass http://chatcore; proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_request_buffering off; proxy_buffering off; client_body_timeout 2s;
  }}
}}
"""


@contextmanager
def nginx_passing_on(service_url: str, folder: Path) -> Iterator[str]:
    """Runs an nginx that hands on what it takes for a request; yields its address."""
    port = free_port()
    servers = _PASSING_ON.format(port=port, service=urlsplit(service_url).netloc)
    with running_nginx(servers, folder, port=port) as url:
        yield url


@contextmanager
def running_nginx(servers: str, folder: Path, *, port: int) -> Iterator[str]:
    """Runs nginx with these servers, one of which listens on the port; yields the address of that server."""
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, servers=servers))
    command = ["nginx", "-p", str(folder), "-c", str(configuration), "-e", str(folder / "error.log")]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(url, process)
            yield url
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while True:
        assert process.poll() is None, "nginx has ended"
        try:
            httpx.get(f"{url}/api/health", trust_env=False)
        except httpx.TransportError:
            assert time.monotonic() < deadline, "nginx does not answer"
            time.sleep(0.02)
        else:
            return
