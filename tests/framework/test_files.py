"""Files and folders written as a whole: a kill between any two steps leaves the old or the new, and nothing else."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys

import pytest

from grader import files

#: Kills itself before its nth step that touches the file system; a child process for each n until one comes through.
KILLER = """
import json, os, signal, sys
from pathlib import Path
from grader import files

what, root, exchange = sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "exchange"
STEPS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "os.link", "shutil.rmtree", "tempfile.mkstemp",
         "tempfile.mkdtemp", "swap"}
NEW = {"a.txt": b"new a", "sub/b.txt": b"new b"}
if not exchange:
    files._renameat2 = lambda: None
inner = files._exchange
files._exchange = lambda *names: (sys.audit("swap"), inner(*names), sys.audit("swap"))[1]
seen = []
left = None


def hook(event, arguments):
    global left
    if left is None or event not in STEPS or (event == "open" and "b" not in str(arguments[1]) and not arguments[2] & os.O_CREAT):
        return
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1


sys.addaudithook(hook)
for steps in range(200):
    target = root / str(steps) / "target"
    target.parent.mkdir()
    if what == "folder":
        files.replace_folder(target, {"a.txt": b"old a", "gone.txt": b"old"})
    elif what == "file":
        files.write_file(target, "old")
    child = os.fork()
    if not child:
        left = steps
        if what == "folder":
            files.replace_folder(target, NEW)
        elif what == "file":
            files.write_file(target, "new", durable=True)
        else:
            files.create_file(target, "new")
        os._exit(0)
    killed = os.waitpid(child, 0)[1] == signal.SIGKILL
    if what == "folder" and not target.exists():
        seen.append("missing")
        files._put_back(target)
    if target.is_dir():
        state = sorted((str(path.relative_to(target)), path.read_text()) for path in target.rglob("*") if path.is_file())
    else:
        state = target.read_text() if target.exists() else None
    seen.append(state)
    if what == "folder":
        files.replace_folder(target, {"c.txt": b"next"})
        assert (target / "c.txt").read_text() == "next" and len(list(target.iterdir())) == 1
    if not killed:
        break
print(json.dumps({"killed": steps, "seen": seen}))
"""
OLD_FOLDER = [["a.txt", "old a"], ["gone.txt", "old"]]
NEW_FOLDER = [["a.txt", "new a"], ["sub/b.txt", "new b"]]


def kill_at_each_step(what, root, way="exchange"):
    done = subprocess.run(
        [sys.executable, "-c", KILLER, what, str(root), way], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_killed_folder_is_the_old_or_the_new(tmp_path):
    """Exchanged in one step, it is never missing and never mixed, whichever step the kill comes before."""
    told = kill_at_each_step("folder", tmp_path)
    assert told["killed"] >= 8
    assert all(state in (OLD_FOLDER, NEW_FOLDER) for state in told["seen"]), told["seen"]
    assert told["seen"][0] == OLD_FOLDER
    assert told["seen"][-1] == NEW_FOLDER
    # Steps that only clear away come after the swap.
    assert told["seen"][-2] == NEW_FOLDER


def test_without_exchange_the_old_folder_is_put_back(tmp_path):
    """Where names cannot be exchanged, a kill between two renames hides the folder until the next write restores it."""
    told = kill_at_each_step("folder", tmp_path, "renames")
    states = [state for state in told["seen"] if state != "missing"]
    assert told["seen"].count("missing") == 1
    assert all(state in (OLD_FOLDER, NEW_FOLDER) for state in states), states
    assert told["seen"][told["seen"].index("missing") + 1] == OLD_FOLDER


@pytest.mark.parametrize(("what", "old"), [("file", "old"), ("new file", None)])
def test_a_killed_file_is_the_old_or_the_new(tmp_path, what, old):
    """Never half of it, and a file that is created is there whole or not at all."""
    told = kill_at_each_step(what, tmp_path)
    assert told["killed"] >= 3
    assert set(told["seen"]) == {old, "new"}


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_a_file_is_written_with_its_mode_and_folders(tmp_path):
    """Text as UTF-8, bytes as they are; nothing is left beside it."""
    path = files.write_file(tmp_path / "a" / "b" / "c.txt", "ü\n", mode=0o600)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == ("ü\n".encode(), 0o600)
    files.write_file(path, b"\x00")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"\x00", 0o644)
    assert leftovers(path.parent) == []


def test_a_name_may_be_as_long_as_a_file_system_takes(tmp_path):
    """The name beside it is not longer."""
    path = files.write_file(tmp_path / ("x" * 255), "whole")
    assert path.read_text() == "whole"


def test_a_failed_write_leaves_the_old(tmp_path, monkeypatch):
    """A full disk, say: the error comes out, the old content stays, nothing is left beside it."""
    path = files.write_file(tmp_path / "page.html", "old")

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_file(path, "new", durable=True)
    assert (path.read_text(), leftovers(tmp_path)) == ("old", [])


def test_creating_a_file_twice_keeps_the_first(tmp_path):
    """The second is told that something is there."""
    path = tmp_path / "secret"
    assert files.create_file(path, "first", mode=0o600) is True
    assert files.create_file(path, "second", mode=0o600) is False
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode), leftovers(tmp_path)) == ("first", 0o600, [])


@pytest.mark.parametrize("exchange", [True, False])
def test_a_folder_holds_exactly_what_was_given(tmp_path, monkeypatch, exchange):
    """What was in it before is gone, read-only folders included; nothing is left beside it."""
    if not exchange:
        monkeypatch.setattr(files, "_renameat2", lambda: None)
    folder = tmp_path / "deep" / "bundle"
    files.replace_folder(folder, {"a/b/c.txt": b"1"})
    (folder / "a" / "b").chmod(0o500)
    (folder / "a").chmod(0o500)
    files.replace_folder(folder, {"d.txt": b"2"})
    assert [(path.name, path.read_bytes()) for path in folder.rglob("*")] == [("d.txt", b"2")]
    files.replace_folder(folder, {})
    assert list(folder.iterdir()) == []
    assert leftovers(folder.parent) == []


def test_a_folder_that_cannot_be_written_stays(tmp_path):
    """One of its files has a name that cannot be: the old folder is as it was."""
    folder = tmp_path / "bundle"
    files.replace_folder(folder, {"a.txt": b"old"})
    with pytest.raises(OSError, match="too long"):
        files.replace_folder(folder, {"a.txt": b"new", "x" * 300: b""})
    assert ((folder / "a.txt").read_bytes(), leftovers(tmp_path)) == (b"old", [])


def test_a_link_is_removed_and_not_followed(tmp_path):
    """What it points to stays as it is, its mode included."""
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o555)
    (tmp_path / "tree" / "in").mkdir(parents=True)
    (tmp_path / "tree" / "in" / "link").symlink_to(outside)
    files.remove_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
    assert stat.S_IMODE(outside.stat().st_mode) == 0o555


ORDINARY_USER = """
import os, tempfile
from pathlib import Path
from grader import files

if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
with tempfile.TemporaryDirectory() as root:
    folder = Path(root) / "ada" / "hw"
    for way in ("exchange", "renames"):
        files.replace_folder(folder, {"a/b.txt": b"1"})
        (folder / "a").chmod(0o555)
        folder.chmod(0o555)
        files.replace_folder(folder, {"c.txt": b"2"})
        print(way, *sorted(path.name for path in Path(root).rglob("*")))
        files._renameat2 = lambda: None
"""


def test_a_read_only_folder_is_replaced_by_an_ordinary_user():
    """Nbgrader takes away the right to write; only root can move such a folder without giving it back first."""
    done = subprocess.run([sys.executable, "-c", ORDINARY_USER], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["exchange ada c.txt hw", "renames ada c.txt hw"], done.stderr
