"""The root file system of a worker: what of the machine's /tmp stays in a worker's own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount"),
]

CHILD = """
    import sys
    from pathlib import Path
    from grader.sandbox.layers import kernel, rootfs

    folder = Path(sys.argv[1])
    public, venv = folder / "public", folder / "public" / "course" / ".venv"
    venv.mkdir(parents=True)
    (venv / "module.py").write_text("x = 1")
    (public / "secret.txt").write_text("of somebody else")
    (folder / "scratch").mkdir()
    rootfs.SCRATCH, rootfs.PRIVATE = str(folder / "scratch"), {str(public): "tmp"}
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    rootfs._bind(str(venv), str(venv))
    rootfs.mount_scratch(4, 0, 0, [str(venv)])
    assert (venv / "module.py").read_text() == "x = 1"
    assert sorted(path.name for path in public.iterdir()) == ["course"]
    (public / "own.txt").write_text("mine")
    try:
        (venv / "module.py").write_text("x = 2")
    except OSError as error:
        print(error.strerror)
"""


def test_libraries_below_tmp_stay_in_a_workers_own(tmp_path):
    """A course may be cloned to /tmp: its libraries are there, read-only, and nothing else of that folder is."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "Read-only file system"
    assert (tmp_path / "public" / "course" / ".venv" / "module.py").read_text() == "x = 1"
    assert not (tmp_path / "public" / "own.txt").exists()
