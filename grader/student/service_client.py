"""A course's web service from a student's machine: let in by the browser, then hand in, look and fetch. Standard library."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from grader.errors import UsageError
from grader.files import write_file

_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_TIMEOUT_S = 60.0
#: How often a service that is busy is asked again, and the longest time that it may ask for, in seconds.
_AGAIN, _LONGEST_WAIT_S = 4, 30
#: Read before the file of tokens: for machines that have no browser.
TOKEN_VARIABLE = "AUTOGRADE_TOKEN"  # noqa: S105 - a variable's name


class ServiceClient:
    """Calls the API of one service. Every method raises UsageError with what the service said where it refuses."""

    def __init__(self, url: str, *, tokens: Path | None = None) -> None:
        parts = urllib.parse.urlsplit(url if "//" in url else f"https://{url}")
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise UsageError(f"{url!r} is not the address of a service", fix="write it like https://grade.example.org")
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme == "http" and not local:
            raise UsageError("a token would cross the network unencrypted", where=url, fix="use https://")
        self.url = f"{parts.scheme}://{parts.netloc}"
        self._tokens = tokens or default_tokens()

    @property
    def token(self) -> str:
        """The token for this service: the environment's, or the one that was kept; empty without either."""
        return os.environ.get(TOKEN_VARIABLE, "") or _read(self._tokens).get(self.url, "")

    def sign_in(self, show: Callable[[str, str], None], sleep: Callable[[float], None] = time.sleep) -> None:
        """Ask to be let in; ``show`` is given the address to open, and the code that is to be seen there.

        Raises UsageError where the person refuses, or does not answer in time.
        """
        begun = self._call("/api/v1/device/code", form={"client_id": "autograde", "scope": "read submit"})
        show(begun["verification_uri_complete"], begun["user_code"])
        until, pause = time.monotonic() + begun["expires_in"], float(begun["interval"])
        form = {"grant_type": _GRANT, "device_code": begun["device_code"]}
        while time.monotonic() < until:
            sleep(pause)
            answer = self._call("/api/v1/device/token", form=form, refused=True)
            if "access_token" in answer:
                self._keep(answer["access_token"])
                return
            if answer.get("error") == "slow_down":
                pause += 5
            elif answer.get("error") != "authorization_pending":
                break
        raise UsageError("this program was not approved", where=self.url, fix="try again")

    def assignments(self) -> list[dict[str, Any]]:
        """The assignments that are out, as the API gives them."""
        found: list[dict[str, Any]] = self._call("/api/v1/assignments")
        return found

    def submit(self, assignment: str, files: Mapping[str, bytes]) -> dict[str, Any]:
        """Hand in ``files``, contents by name; the receipt."""
        return self._as_dict(f"/api/v1/assignments/{urllib.parse.quote(assignment)}/submissions", files=files)

    def submissions(self, assignment: str) -> list[dict[str, Any]]:
        """What was handed in for an assignment, the last first."""
        found: list[dict[str, Any]] = self._call(f"/api/v1/assignments/{urllib.parse.quote(assignment)}/submissions")
        return found

    def submission(self, number: int) -> dict[str, Any]:
        """A submission: its receipt, and where it is."""
        return self._as_dict(f"/api/v1/submissions/{number}")

    def report(self, number: int) -> dict[str, Any]:
        """The report of a submission that has been graded."""
        return self._as_dict(f"/api/v1/submissions/{number}/report")

    def file(self, number: int, path: str) -> bytes:
        """One file of a submission, as it was handed in."""
        with self._open(f"/submissions/{number}/files/{urllib.parse.quote(path)}", None, {}) as answer:
            content: bytes = answer.read()
        return content

    def _as_dict(self, path: str, *, files: Mapping[str, bytes] | None = None) -> dict[str, Any]:
        found: dict[str, Any] = self._call(path, files=files)
        return found

    def _call(
        self,
        path: str,
        *,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, bytes] | None = None,
        refused: bool = False,
    ) -> Any:
        headers, body = {"Accept": "application/json"}, None
        if form is not None:
            body = urllib.parse.urlencode(form).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if files is not None:
            boundary, body = _multipart(files)
            headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
        with self._open(path, body, headers, refused=refused) as answer:
            try:
                return json.loads(answer.read())
            except ValueError as error:
                raise UsageError(
                    "the answer is not one of Autograde's", where=self.url, fix="check the address"
                ) from error

    def _open(self, path: str, body: bytes | None, headers: dict[str, str], *, refused: bool = False) -> Any:
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(self.url + path, body, headers)  # noqa: S310 - http or https, see above
        try:
            return _patiently(request)
        except urllib.error.HTTPError as error:
            if refused and error.code == http.client.BAD_REQUEST:
                return error
            with error:
                raise UsageError(_detail(error), where=self.url, fix=_fix(error.code)) from None
        except (OSError, http.client.HTTPException) as error:
            raise UsageError(
                f"the service cannot be reached: {error}", where=self.url, fix="check the address, and the network"
            ) from error

    def _keep(self, token: str) -> None:
        known = _read(self._tokens) | {self.url: token}
        self._tokens.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(self._tokens, json.dumps(known, indent=2) + "\n", mode=0o600)


def default_tokens() -> Path:
    """Where tokens are kept: with the user's configuration, for them alone to read."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "autograde" / "tokens.json"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token goes to the service that it is for, and nowhere that it sends us."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def _patiently(request: urllib.request.Request) -> Any:
    """The answer; a service that cannot reach its results is asked again after the time that it names, a few times.

    That is safe for what hands in, too: the same files are one submission. Raises as ``urlopen`` does.
    """
    for _ in range(_AGAIN):
        try:
            return _OPENER.open(request, timeout=_TIMEOUT_S)
        except urllib.error.HTTPError as error:
            wait = error.headers.get("Retry-After", "")
            if error.code != http.client.SERVICE_UNAVAILABLE or not wait.isdecimal() or int(wait) > _LONGEST_WAIT_S:
                raise
            error.close()
            time.sleep(int(wait))
    return _OPENER.open(request, timeout=_TIMEOUT_S)


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _multipart(files: Mapping[str, bytes]) -> tuple[str, bytes]:
    boundary = secrets.token_hex(16)
    parts = []
    for name, content in files.items():
        plain = name.replace("\\", "/").replace('"', "%22").replace("\r", "").replace("\n", "")
        head = f'Content-Disposition: form-data; name="files"; filename="{plain}"\r\nContent-Type: application/octet-stream'
        parts.append(f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + b"\r\n")
    return boundary, b"".join(parts) + f"--{boundary}--\r\n".encode()


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        detail = json.loads(error.read()).get("detail")
    except (ValueError, AttributeError, OSError):
        detail = None
    return detail if isinstance(detail, str) else f"the service answered {error.code}"


def _fix(code: int) -> str:
    if code == http.client.UNAUTHORIZED:
        return "run `autograde submit` again, which asks for approval"
    return "wait, and try again" if code in (429, 503) else "see your course's page"
