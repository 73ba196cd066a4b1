"""Uploads are untrusted: archives built to harm, and folders with traps in them."""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import lzma
import os
import stat
import struct
import tarfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import SubmissionError
from grader.intake import UploadLimits, read_submission
from grader.intake.archives import unpack
from grader.intake.filenames import UploadProblem, safe_name

SMALL = UploadLimits(total=3000, file=2000, count=5, ratio=100, packed=100_000)


def make_zip(*entries, method=zipfile.ZIP_DEFLATED):
    """A zip of (name or ZipInfo, content) pairs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def entry(name, mode):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def renamed(old, new):
    """A zip of one file whose name is written as the bytes ``new``, of the same length, in both headers."""
    data = make_zip((old, "x"))
    assert len(old.encode()) == len(new)
    return data.replace(old.encode(), new)


def encrypted():
    data = bytearray(make_zip(("a.py", "secret")))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def lying_about_size():
    """A zip whose headers promise 10 bytes for a file of 100,000."""
    data = make_zip(("a.py", bytes(100_000)))
    return data.replace(struct.pack("<I", 100_000), struct.pack("<I", 10))


def corrupted():
    data = bytearray(make_zip(("a.py", os.urandom(500)), method=zipfile.ZIP_STORED))
    data[100] ^= 0xFF
    return bytes(data)


HOSTILE_ZIPS = {
    "traversal": (make_zip(("../../evil.py", "x")), "leads out of its folder"),
    "traversal inside": (make_zip(("a/../../evil.py", "x")), "leads out of its folder"),
    "traversal by backslash": (make_zip(("..\\evil.py", "x")), "leads out of its folder"),
    "absolute and out": (make_zip(("/../etc/evil.py", "x")), "leads out of its folder"),
    "symlink": (make_zip((entry("a.py", stat.S_IFLNK | 0o777), "/etc/passwd")), "link or a device"),
    "fifo": (make_zip((entry("a.py", stat.S_IFIFO | 0o644), "")), "link or a device"),
    "device": (make_zip((entry("a.py", stat.S_IFCHR | 0o644), "")), "link or a device"),
    "NUL in the name": (renamed("a.pyZevil.sh", b"a.py\0evil.sh"), "cannot be read"),
    "newline in the name": (make_zip(("a\n.py", "x")), "cannot be read"),
    "right-to-left override": (make_zip(("a\u202eyp.exe", "x")), "cannot be read"),
    "overlong part": (make_zip(("a" * 300 + ".py", "x")), "too long"),
    "overlong path": (make_zip(("a/" * 600 + "b.py", "x")), "too long"),
    "too many": (make_zip(*((f"{i}.py", "x") for i in range(6))), "more than 5 files"),
    "far too many": (make_zip(*((f"{i}.py", "") for i in range(251))), "more than 5 files"),
    "large file": (make_zip(("a.py", os.urandom(2001))), "larger than 2000 bytes"),
    "large in all": (make_zip(*((f"{i}.py", os.urandom(1500)) for i in range(3))), "more than 3000 bytes in all"),
    "bomb": (make_zip(("a.py", bytes(5_000_000))), "100 times its size"),
    "encrypted": (encrypted(), "without a password"),
    "bzip2": (make_zip(("a.py", "x" * 100), method=zipfile.ZIP_BZIP2), "unusual compression"),
    "lzma": (make_zip(("a.py", "x" * 100), method=zipfile.ZIP_LZMA), "unusual compression"),
    "wrong checksum": (corrupted(), "broken"),
    "cut short": (make_zip(("a.py", "x" * 100))[:-30], "broken"),
    "links only": (make_zip((entry("a.txt", stat.S_IFLNK | 0o777), "/etc/passwd")), "link or a device"),
    "bomb by its own word": (make_zip(("a.txt", bytes(12_000_000))), "100 times its size"),
    "no zip": (b"hello", "broken"),
    "nothing": (b"", "empty"),
    "empty zip": (make_zip(), "empty"),
    "only litter": (make_zip(("__MACOSX/._a.py", "x"), (".DS_Store", "x")), "empty"),
    "a name that is none": (make_zip(("./", "")), "empty"),
}


@pytest.mark.parametrize(("data", "message"), HOSTILE_ZIPS.values(), ids=HOSTILE_ZIPS.keys())
def test_hostile_zip_is_kept_but_not_unpacked(tmp_path, data, message):
    """The problem is told in the student's words, with the upload's name; its bytes are kept as they came."""
    path = tmp_path / "ada.zip"
    path.write_bytes(data)
    upload = read_submission(path, SMALL)
    assert message in upload.problem
    assert upload.problem.startswith("'ada.zip': ")
    assert upload.problem.isprintable()
    assert upload.files == {"__upload__/ada.zip": data}


def test_duplicate_names_in_a_zip():
    """Two entries of one name: nobody could say which would be graded."""
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = make_zip(("a.py", "1"), ("a.py", "2"))
    with pytest.raises(UploadProblem, match="packed twice"):
        unpack("x.zip", data)
    with pytest.raises(UploadProblem, match="packed twice"):
        unpack("x.zip", make_zip(("a.py", "1"), ("./a.py", "2")))


def test_headers_are_not_believed():
    """A size that the headers make up never gets more in than the limits allow."""
    with pytest.raises(UploadProblem):
        unpack("x.zip", lying_about_size(), SMALL)


def test_ratio_of_large_archives_is_limited():
    """Far more data than was packed is a bomb, also within the limits on sizes."""
    limits = UploadLimits(ratio=50)
    data = make_zip(("a.bin", bytes(12_000_000)))
    with pytest.raises(UploadProblem, match="50 times its size"):
        unpack("x.zip", data, limits)
    assert len(unpack("x.zip", make_zip(("a.py", b" " * 1_000_000)), limits)[0]["a.py"]) == 1_000_000


def test_overlapping_entries_are_counted_each():
    """A zip whose entries share their data is held to what unpacks, not to what it weighs."""
    data = make_zip(("a.py", bytes(1900)))
    local, directory = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    one = data[local:directory]
    several = b"".join(one.replace(b"a.py", b"%c.py" % (97 + i)) for i in range(4))
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 4, 4, len(several), local, 0)
    with pytest.raises(UploadProblem):
        unpack("x.zip", data[:local] + several + end, SMALL)


def test_harmless_zip_is_unpacked():
    """Litter is left out and listed, the folder that holds everything is taken off, an inner archive is opened."""
    inner = make_zip(("b.py", "x"))
    data = make_zip(
        ("homework/", ""),
        ("homework/backprop.py", "1"),
        ("homework/notes/n\u00f6te.md", "2"),
        ("homework/old.zip", inner),
        ("homework/__pycache__/x.pyc", "3"),
        ("homework/.ipynb_checkpoints/y.ipynb", "4"),
        ("homework/.git/config", "5"),
        ("homework/.DS_Store", "6"),
        ("__MACOSX/homework/._backprop.py", "7"),
        (entry("homework/exec.py", stat.S_IFREG | 0o755), "8"),
    )
    files, left_out = unpack("x.zip", data)
    assert files == {
        "backprop.py": b"1",
        "notes/n\u00f6te.md": b"2",
        "b.py": b"x",
        "exec.py": b"8",
    }
    assert {item.name for item in left_out} == {
        "homework/__pycache__/", "homework/.ipynb_checkpoints/", "homework/.git/", "homework/.DS_Store", "__MACOSX/",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("n\u00f6.py".encode(), "n\u00f6.py"),
        ("no\u0308.py".encode(), "n\u00f6.py"),
        ("n\u00f6.py".encode("cp437"), "n\u00f6.py"),
        (b"win\\dow.py", "dow.py"),
    ],
    ids=["UTF-8 without the flag", "decomposed", "code page 437", "backslash"],
)
def test_names_in_old_encodings(raw, name):
    """Names come out the same however a tool wrote them."""
    assert unpack("x.zip", renamed("x" * len(raw), raw))[0] == {name: b"x"}


def make_tar(*entries, mode="w:gz"):
    """A tar of (name, type, content or link) triples."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, kind, content in entries:
            info = tarfile.TarInfo(name)
            info.type = kind
            if kind == tarfile.REGTYPE:
                info.size = len(content)
            elif isinstance(content, str):
                info.linkname = content
            archive.addfile(info, io.BytesIO(content) if kind == tarfile.REGTYPE else None)
    return buffer.getvalue()


REG = tarfile.REGTYPE


@pytest.mark.parametrize("name", ["x.tar.gz", "x.tgz", "x.tar"])
def test_harmless_tar_is_unpacked(name):
    """The same rules as for a zip."""
    mode = "w" if name == "x.tar" else "w:gz"
    data = make_tar(("w", tarfile.DIRTYPE, b""), ("w/a.py", REG, b"1"), ("w/.git/x", REG, b"2"), mode=mode)
    assert unpack(name, data)[0] == {"a.py": b"1"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (make_tar(("../a.py", REG, b"1")), "leads out"),
        (make_tar(("a.py", tarfile.SYMTYPE, "/etc/passwd")), "link or a device"),
        (make_tar(("a.py", tarfile.LNKTYPE, "b.py")), "link or a device"),
        (make_tar(("a.py", tarfile.CHRTYPE, b"")), "link or a device"),
        (make_tar(("a.py", REG, b"1"), ("a.py", REG, b"2")), "packed twice"),
        (make_tar(*((f"{i}.py", REG, b"") for i in range(60))), "more than 5 files"),
        (make_tar(*((f"{i}", tarfile.DIRTYPE, b"") for i in range(300))), "more than 5 files"),
        (make_tar(("a.py", REG, os.urandom(2001))), "larger than"),
        (gzip.compress(bytes(11_000_000)), "in all"),
        (make_tar(("a.py", REG, b"1"))[:-20], "cut short"),
        (gzip.compress(b"no tar" * 200), "broken"),
        (b"no gzip", "broken"),
        (b"", "empty"),
        (bz2.compress(bytes(11_000_000)), "in all"),
        (lzma.compress(bytes(11_000_000)), "in all"),
        (bz2.compress(b"no tar" * 200), "broken"),
        (make_tar(("a.py", REG, b"1"), mode="w:xz")[:-20], "cut short"),
    ],
    # Not the bytes: an archive holds the time at which it was made.
    ids=itertools.count(),
)
def test_hostile_tar_is_not_unpacked(data, message):
    """Traversal, links, devices, bombs and broken ones, as for a zip."""
    with pytest.raises(UploadProblem, match=message):
        unpack("x.tar.gz", data, SMALL)


@settings(max_examples=150)
@given(st.data())
def test_damaged_archives_never_surprise(data):
    """Whatever bytes change, an archive unpacks to files within the limits, or is a problem; nothing else."""
    name, source = data.draw(
        st.sampled_from(
            [
                ("x.zip", make_zip(("a/b.py", "hello" * 20), ("c.py", "x"))),
                ("x.tar", make_tar(("a/b.py", REG, b"hello" * 20), ("c.py", REG, b"x"), mode="w")),
                ("x.tgz", make_tar(("a.py", REG, b"hello" * 20))),
            ]
        )
    )
    content = bytearray(source)
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        files, _ = unpack(name, bytes(content), SMALL)
    except UploadProblem:
        return
    assert 0 < len(files) <= SMALL.count
    assert sum(map(len, files.values())) <= SMALL.total
    assert all(safe_name(path) == path for path in files)


@given(st.text(max_size=40))
def test_safe_names_are_safe(raw):
    """A name that passes stays below its folder, and passes again unchanged."""
    try:
        name = safe_name(raw)
    except UploadProblem:
        return
    assert name
    assert not name.startswith("/")
    assert not {"", ".", ".."} & set(name.split("/"))
    assert safe_name(name) == name


def test_folder_with_traps(tmp_path):
    """Links are not followed, pipes and sockets not opened; they are named, and the rest is read."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("grades")
    folder = tmp_path / "ada"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.py").write_text("1")
    (folder / "sub" / "b.py").write_text("2")
    (folder / "link.py").symlink_to(outside / "secret.txt")
    (folder / "linked").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.py")
    upload = read_submission(folder)
    assert (upload.files, upload.problem) == ({"a.py": b"1", "sub/b.py": b"2"}, None)
    assert {item.name for item in upload.left_out} == {"link.py", "linked", "loop", "pipe.py"}
    assert {item.reason for item in upload.left_out} == {"a link or a device, not a file"}


def test_folder_over_the_limits(tmp_path):
    """A folder too large is a problem too; what was read of it is kept."""
    for index in range(7):
        (tmp_path / f"{index}.py").write_text("x")
    upload = read_submission(tmp_path, SMALL)
    assert "more than 5 files" in upload.problem
    assert len(upload.files) == 5


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_folder_that_cannot_be_read(tmp_path):
    """A folder without permission is an error, not an upload without these files."""
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(SubmissionError, match="cannot read"):
        read_submission(tmp_path)


def test_single_files(tmp_path):
    """One file is a submission of one file; one too large is a problem and is not kept."""
    (tmp_path / "a.py").write_text("1")
    assert read_submission(tmp_path / "a.py").files == {"a.py": b"1"}
    (tmp_path / "b.py").write_bytes(bytes(2001))
    assert "2001 bytes" in read_submission(tmp_path / "b.py", SMALL).problem
    assert read_submission(tmp_path / "b.py", SMALL).files == {}
    (tmp_path / "b.rar").write_bytes(b"Rar!")
    assert "hand in a .zip" in read_submission(tmp_path / "b.rar").problem
    assert read_submission(tmp_path / "b.rar").files == {"__upload__/b.rar": b"Rar!"}
    (tmp_path / "c.zip").write_bytes(bytes(100_001))
    assert read_submission(tmp_path / "c.zip", SMALL).files == {}


def test_nothing_there(tmp_path):
    """A path that is missing or a pipe is the caller's mistake."""
    with pytest.raises(SubmissionError, match="cannot read"):
        read_submission(tmp_path / "missing")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SubmissionError, match="neither a file nor a folder"):
        read_submission(tmp_path / "pipe")
