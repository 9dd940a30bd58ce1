# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put the collections whose modules the drivers call beside ours: python other_collections.py VERSION DIRECTORY.

They come out of the Python package `ansible` of that version, for which one package index serves all that is installed.
DIRECTORY is one for ANSIBLE_COLLECTIONS_PATH. What is there of these collections is replaced.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

COLLECTIONS = (
    "amazon.aws",
    "awx.awx",
    "community.docker",
    "community.general",
    "community.library_inventory_filtering_v1",  # community.docker's own need
    "community.libvirt",
    "kubernetes.core",
)


def install(version: str, directory: Path) -> None:
    """Download the package, take the collections out of it, and leave nothing else behind."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, "--no-deps", "--only-binary", ":all:", "-d", folder, f"ansible=={version}"], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with ZipFile(wheel) as package:
            for name in COLLECTIONS:
                extract(name, package, directory)


def extract(name: str, package: ZipFile, directory: Path) -> None:
    """Replace one collection; fail if it needs one that is not in the list."""
    path = f"ansible_collections/{name.replace('.', '/')}/"
    about = json.loads(package.read(path + "MANIFEST.json"))["collection_info"]
    missing = about["dependencies"].keys() - set(COLLECTIONS)
    assert not missing, f"{name} needs {', '.join(sorted(missing))}: to be added to the list"
    shutil.rmtree(directory / path, ignore_errors=True)
    package.extractall(directory, [member for member in package.namelist() if member.startswith(path)])
    print(name, about["version"])


if __name__ == "__main__":
    install(sys.argv[1], Path(sys.argv[2]))
