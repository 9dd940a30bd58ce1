# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The project of docs/awx.md: AWX finds its playbooks, and jobs run where only their own directory can be written to.

A job is run as AWX runs one: by ansible-runner, with a project that cannot be written to.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._spec import PLAYBOOKS
from ansible_collections.rlops.autoscale.tests.tools.metrics_server import MetricsServer, page

DOCS = Path(__file__).resolve().parents[3] / "docs/awx.md"
#: By this AWX knows a playbook, line by line.
PLAYBOOK = re.compile(
    r"^\s*?-?\s*?(?:hosts|(ansible\.builtin\.)?include|(ansible\.builtin\.)?import_playbook):\s*?.*?$"
)
METRICS = """
# TYPE app_p99_latency_seconds histogram
app_p99_latency_seconds_bucket{{le="0.1"}} {count}
app_p99_latency_seconds_bucket{{le="+Inf"}} {count}
app_p99_latency_seconds_sum {count}
app_p99_latency_seconds_count {count}
# TYPE app_message_queue_depth gauge
app_message_queue_depth 0
# TYPE app_eventloop_lag_seconds gauge
app_eventloop_lag_seconds 0.001
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What the page says to write."""
    (script,) = re.findall(r"```sh\n(.*?)```", DOCS.read_text(), re.DOTALL)
    folder = tmp_path / "project"
    folder.mkdir()
    subprocess.run(["sh", "-euc", script], cwd=folder, check=True)
    return folder


def test_awx_finds_each_playbook_and_each_is_one(project: Path, ansible_playbook: Callable[..., Any]) -> None:
    playbooks = list(project.iterdir())
    assert {path.name for path in playbooks} >= set(PLAYBOOKS.values())
    for playbook in playbooks:
        assert any(PLAYBOOK.match(line) for line in playbook.read_text().splitlines()), playbook
        (imported,) = yaml.safe_load(playbook.read_text())
        assert imported == {"import_playbook": f"rlops.autoscale.{playbook.stem}"}
    inventory = "autoscaled:\n  hosts:\n    chat:\n      ansible_connection: local\n"
    every = "".join(path.read_text() for path in playbooks)
    checked = ansible_playbook(every, inventory, args=["--syntax-check"])
    assert checked.rc == 0, checked.output


@pytest.fixture
def job_folder() -> Iterator[Path]:
    """Where AWX would lay out a job. In the end it can be removed, whatever modes it has."""
    folder = Path(tempfile.mkdtemp(prefix="awx-job-", dir="/tmp"))
    yield folder
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder)


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """What is in a folder: path -> time of its last change, and text."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def read_only(folder: Path) -> list[str]:
    """What to put before a command that may not write to a folder. Modes of files are nothing to root; a mount is."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        return []
    script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, str(folder)]


@pytest.mark.slow
@pytest.mark.parametrize(("playbook", "says"), [("autoscale.yml", "keep 1"), ("decide.yml", "keep 1")])
def test_a_job_writes_to_its_own_directory_only(
    playbook: str, says: str, project: Path, job_folder: Path, ansible_env: dict[str, str]
) -> None:
    private = job_folder / "private"
    project = shutil.copytree(project, job_folder / "project")
    for path in [project, *project.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    (private / "inventory").mkdir(parents=True)
    with MetricsServer(page(METRICS.format(count=5))) as server:
        cluster = {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "autoscale_deadline": 0,
            "autoscale_pools": [{"backend": "static", "endpoints": [f"127.0.0.1:{server.port}"]}],
            "autoscale_health_url": "",
            "autoscale_mode": "recommend",
        }
        inventory = {"autoscaled": {"hosts": {"chat": cluster}}}
        (private / "inventory/hosts.yml").write_text(yaml.safe_dump(inventory))
        (private / "project").symlink_to(project)
        before = contents(project)
        environment = ansible_env | {
            "HOME": str(private),
            "TMPDIR": str(private),
            "ANSIBLE_HOME": str(private / ".ansible"),
        }
        environment |= {"PYTHONDONTWRITEBYTECODE": "1"}
        job = subprocess.run(
            [*read_only(project), sys.executable, "-m", "ansible_runner", "run", str(private), "-p", playbook],
            env=environment,
            cwd=private,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert job.returncode == 0, job.stdout + job.stderr
    assert says in job.stdout, job.stdout
    assert contents(project) == before
    assert list(private.rglob("chat.*.json")), "nothing was remembered"
