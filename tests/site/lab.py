"""A real JupyterLab, with nobody's settings."""

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from website import free_port

SECONDS = 60  # for what a slow machine may take


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab."""

    address: str
    token: str
    folder: Path  # of its notebooks

    def url(self, name: str) -> str:
        return f"{self.address}/lab/tree/{name}?reset&token={self.token}"


@contextmanager
def start_lab(folder: Path, home: Path) -> Iterator[Lab]:
    """JupyterLab on a port of its own, with the settings in `home`; it asks no network.

    folder: of its notebooks. home: an empty folder.
    """
    settings = home / "settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    port = free_port()
    lab = Lab(f"http://127.0.0.1:{port}", secrets.token_hex(), folder)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--port={port}", "--port-retries=0", f"--notebook-dir={folder}"]
    command += [f"--IdentityProvider.token={lab.token}"]
    command += ["--LabApp.extension_manager=readonly"]
    places = {
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "IPYTHONDIR": home / "ipython",
    }
    environment = os.environ | {key: str(path) for key, path in places.items()}
    with (home / "log.txt").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _wait_until_it_answers(lab, server, home / "log.txt")
        yield lab
    finally:
        server.terminate()  # ends its kernels too
        server.wait(SECONDS)


def _wait_until_it_answers(lab: Lab, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{lab.address}/api", timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")
