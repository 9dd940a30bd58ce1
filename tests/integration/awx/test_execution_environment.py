# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The example of an execution environment gives a context that has the collection and what it needs in it.

The image itself is not built: that takes a base image and packages from outside.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from ansible_collections.rlops.autoscale.tests.tools.skipping import skip_or_fail

ROOT = Path(__file__).resolve().parents[3]
DEFINITION = ROOT / "docs/examples/execution-environment.yml"


def lines(path: Path) -> set[str]:
    """The lines of a file of requirements, without comments."""
    return {line.partition("#")[0].strip() for line in path.read_text().splitlines()} - {""}


@pytest.fixture
def context(tmp_path: Path, ansible_env: dict[str, str], require_binary: Callable[[str], str]) -> Path:
    """What ansible-builder makes of the example, with the collection's archive beside it."""
    folder = tmp_path / "image"
    folder.mkdir()
    shutil.copy(DEFINITION, folder)
    build = [sys.executable, "-m", "ansible", "galaxy", "collection", "build", str(ROOT), "--output-path", str(folder)]
    subprocess.run(build, env=ansible_env, check=True, capture_output=True)
    create = [require_binary("ansible-builder"), "create", "--output-filename", "Containerfile"]
    subprocess.run(create, cwd=folder, env=ansible_env, check=True, capture_output=True)
    return folder / "context"


@pytest.mark.slow
def test_the_context_has_the_collection_and_introspection_finds_its_needs(
    context: Path, tmp_path: Path, ansible_env: dict[str, str]
) -> None:
    steps = (context / "Containerfile").read_text()
    assert "ansible-core>=2.16" in steps
    assert "\nENV ANSIBLE_STDOUT_CALLBACK=rlops.autoscale.lines\n" in steps
    wanted = yaml.safe_load((context / "_build/requirements.yml").read_text())["collections"]
    (own,) = (each for each in wanted if each.get("type") == "file")
    assert {each["name"] for each in wanted} > {"amazon.aws", "kubernetes.core"}

    # As the image does it, for the collection that needs no network.
    (context / "_build/own.yml").write_text(yaml.safe_dump({"collections": [own]}))
    there = tmp_path / "collections"
    command = [sys.executable, "-m", "ansible", "galaxy", "collection", "install", "-r", "own.yml", "--offline"]
    installed = subprocess.run(
        [*command, "-p", str(there)],
        cwd=context / "_build",
        env=ansible_env | {"ANSIBLE_COLLECTIONS_PATH": str(there)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert installed.returncode == 0, installed.stderr

    script = context / "_build/scripts/introspect.py"
    pip, bindep = tmp_path / "pip.txt", tmp_path / "bindep.txt"
    introspect = [sys.executable, str(script), "introspect", str(there), "--write-pip", str(pip)]
    done = subprocess.run([*introspect, "--write-bindep", str(bindep)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert lines(pip) == lines(ROOT / "meta/ee-requirements.txt") != set()
    assert lines(bindep) == lines(ROOT / "bindep.txt") != set()


def test_jobs_need_no_more_than_the_collection() -> None:
    assert lines(ROOT / "meta/ee-requirements.txt") < lines(ROOT / "requirements.txt")


def test_the_example_names_the_archive_of_this_version() -> None:
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    definition = yaml.safe_load(DEFINITION.read_text())
    archive = f"rlops-autoscale-{version}.tar.gz"
    assert definition["additional_build_files"] == [{"src": archive, "dest": "collections"}]
    assert definition["dependencies"]["galaxy"]["collections"][0]["name"] == f"collections/{archive}"


def test_system_packages_are_those_of_the_systems(require_binary: Callable[[str], str]) -> None:
    def bindep(*arguments: str) -> str:
        command = [require_binary("bindep"), "-f", str(ROOT / "bindep.txt"), *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if "Distro name not found" in done.stderr:
            skip_or_fail(done.stderr)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    packages = {"platform:dpkg": "openssh-client", "platform:rpm": "openssh-clients"}
    (here,) = packages.keys() & set(bindep("--profiles").split())
    # All that are wanted on this system, whether they are there or not.
    assert bindep("-l", "newline").split() == [packages[here]]
