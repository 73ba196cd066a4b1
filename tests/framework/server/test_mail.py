"""Sign-in links by e-mail, against a server on this machine that speaks SMTP and keeps what it is sent."""

import re
import socketserver
import threading

import pytest

from grader.server.mailer import Mailer
from tests.framework.server.conftest import COURSE, open_site


class _Session(socketserver.StreamRequestHandler):
    """RFC 5321 as far as a client that sends one message needs it, with AUTH PLAIN (RFC 4954)."""

    def handle(self):
        self._say("220 sink")
        while line := self.rfile.readline():
            verb = line.split(b" ")[0].strip().upper()
            self.server.said.append(line.decode().strip())
            if verb == b"EHLO":
                self._say("250-sink", "250 AUTH PLAIN")
            elif verb == b"AUTH":
                self._say("235 ok" if not self.server.refuses else "535 no")
            elif verb == b"DATA":
                self._say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.messages.append(b"".join(lines).decode())
                self._say("250 kept")
                self.server.came.release()
            elif verb == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _say(self, *lines):
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


@pytest.fixture
def sink():
    """The server; `messages` are what it was sent, `came` counts them, `refuses` has it take no password."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Session) as server:
        server.messages, server.said, server.refuses = [], [], False
        server.came = threading.Semaphore(0)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def site(tmp_path, sink, monkeypatch):
    """The class, with its mail going to the sink."""
    monkeypatch.setenv("AUTOGRADE_SMTP_PASSWORD", "mail-password")
    mail = (
        f"  mail: {{host: 127.0.0.1, port: {sink.server_address[1]}, sender: grade@example.org, security: none, "
        "user: grade}\n"
    )
    found = open_site(tmp_path, course=COURSE.replace("server:\n", f"server:\n{mail}"))
    found.service.mailer = Mailer(found.service.course)
    return found


def test_a_link_that_was_asked_for_arrives_and_signs_in(site, sink):
    """Asked for by its address, the link comes in a message to that address alone, and opens the service once."""
    answer = site.browser().post("/sign-in", data={"who": "ADA@example.org"})
    assert answer.status_code == 200, answer.text
    assert sink.came.acquire(timeout=30)
    (message,) = sink.messages
    assert "To: ada@example.org" in message
    assert "From: grade@example.org" in message
    assert "Subject: Sign in: Tiny" in message
    assert [line for line in sink.said if line.startswith("rcpt")] == ["rcpt TO:<ada@example.org>"]
    (link,) = re.findall(r"http\S+/sign-in/\S+", message.replace("=\n", ""))
    path = "/sign-in/" + link.rpartition("/")[2]
    assert site.browser("").post(path).status_code == 303
    assert site.browser("").post(path).status_code != 303


def test_nobody_learns_from_the_mail_server_who_is_enrolled(site, sink):
    """An address of nobody's gets the same page, and no message is sent; the next one is sent all the same."""
    unknown = site.browser().post("/sign-in", data={"who": "mallory@example.org"})
    known = site.browser().post("/sign-in", data={"who": "ada@example.org"})
    assert (unknown.status_code, unknown.text.replace("mallory", "ada")) == (known.status_code, known.text)
    assert sink.came.acquire(timeout=30)
    assert len(sink.messages) == 1


def test_a_server_that_refuses_stops_no_later_message(site, sink, caplog):
    """The log names the kind of error, and neither the address nor the password."""
    sink.refuses = True
    site.service.mailer.send_link("ada@example.org", "https://grade.example.org/sign-in/x", 15)
    site.service.mailer.send_link("", "", 15)
    while "could not be sent" not in caplog.text:
        threading.Event().wait(0.05)
    sink.refuses = False
    site.service.mailer.send_link("kurt@example.org", "https://grade.example.org/sign-in/y", 15)
    assert sink.came.acquire(timeout=30)
    assert "SMTPAuthenticationError" in caplog.text
    assert not re.search("mail-password|example.org|sign-in/x", caplog.text)
