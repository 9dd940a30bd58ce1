# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures for all tests: where the collection lies, data of other people, real servers, real playbook runs.

`pytest` finds the collection whether it was started by make, by hand in a plain checkout, or in a copy that lies below
`ansible_collections/rlops/autoscale`. What a test runs gets a home of its own: nothing is written to the user's.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# How long an example takes says more about the machine than about the code. Examples are the same each time, so that no
# change is refused for what another has brought in; `--hypothesis-profile=search` looks for new ones.
hypothesis.settings.register_profile("search", deadline=None, derandomize=False, max_examples=1000)
hypothesis.settings.register_profile("same", deadline=None, derandomize=True)
hypothesis.settings.load_profile("same")

ROOT = Path(__file__).resolve().parent.parent
CALLBACKS = ROOT / "tests" / "tools" / "callbacks"


def _collections_path() -> Path:
    """Folder above `ansible_collections` where this very checkout is rlops.autoscale; a link is made if need be."""
    if ROOT.parts[-3:] == ("ansible_collections", "rlops", "autoscale"):
        return ROOT.parents[2]
    link = ROOT / ".build/collections/ansible_collections/rlops/autoscale"
    if not link.is_symlink():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(ROOT)
    return link.parents[2]


COLLECTIONS = _collections_path()
sys.path.insert(0, str(COLLECTIONS))


def pytest_configure() -> None:
    """Take Ctrl-C as usual: a job in the background of a shell script ignores it, and so would all that tests start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_report_header() -> str:
    """Say in the log which ansible-core the tests run with."""
    return f"ansible-core: {version('ansible-core')}"


@pytest.fixture(scope="session")
def collections_path() -> Path:
    """Folder for ANSIBLE_COLLECTIONS_PATH (and PYTHONPATH of a child that imports the collection)."""
    return COLLECTIONS


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Folder with recordings and traces that are not part of the project; the test is skipped where it is absent."""
    path = Path(os.environ.get("AUTOSCALE_SHARED", ROOT.parent / "shared"))
    if not path.is_dir():
        pytest.skip(f"recorded data not found: {path} (set AUTOSCALE_SHARED)")
    return path


def require_binary(name: str) -> str:
    """Path of a server's program. Skips where it is missing, fails under AUTOSCALE_REQUIRE_SERVICES=1."""
    path = shutil.which(name)
    if path:
        return path
    message = f"{name} is not installed"
    if os.environ.get("AUTOSCALE_REQUIRE_SERVICES") == "1":
        pytest.fail(message + ", and AUTOSCALE_REQUIRE_SERVICES=1 asks for it")
    pytest.skip(message)


@pytest.fixture(scope="session", name="require_binary")
def _require_binary() -> Callable[[str], str]:
    """The function above, for tests that cannot import from here: `require_binary("prometheus")` -> path."""
    return require_binary


@pytest.fixture
def ansible_env(tmp_path: Path) -> dict[str, str]:
    """Environment of a child that runs Ansible: this collection, this venv, a home below `tmp_path`, no colours.

    Nothing of the user's own settings of Ansible and AWX (ANSIBLE_*, CONTROLLER_*, ansible.cfg) gets through.
    """
    home = tmp_path / "home"
    home.mkdir()
    config = home / "ansible.cfg"
    config.touch()
    foreign = ("ANSIBLE_", "CONTROLLER_", "PYTHON")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    return inherited | {
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_CONFIG": str(config),
        "ANSIBLE_HOME": str(home / ".ansible"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
    }


@dataclass(frozen=True)
class PlaybookRun:
    """What a finished `ansible-playbook` left: exit code, both outputs as text, last result by `register` name."""

    rc: int
    stdout: str
    stderr: str
    registered: Mapping[str, Any] = field(default_factory=dict)

    @property
    def output(self) -> str:
        """Both outputs, for searching and for messages of failed assertions."""
        return self.stdout + self.stderr


@pytest.fixture
def ansible_playbook(tmp_path: Path, ansible_env: dict[str, str]) -> Callable[..., PlaybookRun]:
    """Function that runs a real `ansible-playbook` of this venv, in `tmp_path`, and returns its PlaybookRun.

    ansible_playbook(playbook, inventory="localhost,", extra_vars=None, env=None, check=False, args=(), timeout=120)

    playbook: YAML text (more than one line), a path, or a name like "rlops.autoscale.scale".
    inventory: YAML text (more than one line), a path, or a host list with a comma.
    extra_vars: dict, passed as JSON, so that types are kept; for `-e name=text` use args.
    env: added to `ansible_env`. check: adds --check. args: further arguments, such as ["-vvv"].
    timeout: seconds, after which the run and its children are killed and the test fails.
    """

    def as_argument(content: str | Path, name: str) -> str:
        if "\n" not in str(content):
            return str(content)
        path = tmp_path / name
        path.write_text(str(content), encoding="utf-8")
        return str(path)

    def run(
        playbook: str | Path,
        inventory: str | Path = "localhost,",
        *,
        extra_vars: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = False,
        args: Sequence[str] = (),
        timeout: float = 120,
    ) -> PlaybookRun:
        registered = tmp_path / f"registered-{uuid.uuid4().hex}.json"
        callback = {"ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS), "AUTOSCALE_TEST_REGISTERED": str(registered)}
        command = [sys.executable, "-m", "ansible", "playbook", as_argument(playbook, "playbook.yml")]
        command += ["-i", as_argument(inventory, "inventory.yml")]
        command += ["-e", json.dumps(dict(extra_vars))] if extra_vars else []
        command += ["--check"] if check else []
        with subprocess.Popen(
            [*command, *args],
            cwd=tmp_path,
            env=ansible_env | callback | dict(env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                stdout, stderr = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                stdout, stderr = process.communicate()
                pytest.fail(f"ansible-playbook took longer than {timeout} s\n{stdout}{stderr}")
        results = json.loads(registered.read_text()) if registered.exists() else {}
        return PlaybookRun(process.returncode, stdout, stderr, results)

    return run
