"""Attacks whose file names no repository should have: made when the suite runs."""

from __future__ import annotations

import io
import stat
import zipfile

#: What every one of these says for itself, so that it is known to have run.
_WORK = b'import os\nprint("TRIED", len(os.listdir(".")))\nraise type("Odd", (Exception,), {})("<b>INJECTED</b>")\n'

ODD_NAMES = {
    "work.py": _WORK,
    **dict.fromkeys(
        (
            "<b>INJECTED<b>.py", "'; rm -rf ;'.py", "$(touch LEFT).txt", "=1+1.csv", "\u00e4 \u00e9.txt", "-rf", "{{7*7}}.py",
            "a" * 200 + ".py", "%2e%2e%2fwork.txt", "nested/" * 10 + "x.py",
        ),
        b"print('PWNED')\n",
    ),
}  # fmt: skip


def packed(entries: list[tuple[str, bytes, int]]) -> bytes:
    """A zip of the entries, (name, content, mode) each."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, data)
    return stream.getvalue()


_FILE, _LINK, _DEVICE = stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777, stat.S_IFCHR | 0o666

#: Archives that must not be unpacked as they ask, by name: their entries, or bytes.
ARCHIVES: dict[str, list[tuple[str, bytes, int]] | bytes] = {
    "symlink": [("work.py", _WORK, _FILE), ("suite", b"@COURSE@/assignments", _LINK)],
    "symlink as work.py": [("work.py", b"@COURSE@/solutions/attacked/work.py", _LINK)],
    "device": [("work.py", _WORK, _FILE), ("disk", b"", _DEVICE)],
    "dots": [("work.py", _WORK, _FILE), ("../LEFT-@TOKEN@.py", b"x", _FILE)],
    "absolute": [("work.py", _WORK, _FILE), ("/tmp/LEFT-@TOKEN@.py", b"x", _FILE)],
    "backslashes": [("work.py", _WORK, _FILE), ("..\\..\\LEFT-@TOKEN@.py", b"x", _FILE)],
    "over a folder": [("work.py", _WORK, _FILE), ("work.py/x", b"x", _FILE)],
    "no zip at all": b"PK\x03\x04" + bytes(100),
}
#: Those of which the trick alone is left out: the work in them is graded.
HARMLESS = frozenset({"symlink", "device", "absolute"})
