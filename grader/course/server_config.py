"""The section `server` of autograde.yml: what the web service needs to know. Secrets never stand here."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from grader.course.sections import Id, Name, Section

Role = Literal["student", "grader", "instructor", "admin"]


class StaffMember(Section):
    """A person who signs in as staff."""

    id: Id
    name: Name
    email: str | None = Field(default=None, pattern=r"^[^@\s]+@[^@\s]+$")
    role: Literal["grader", "instructor", "admin"] = Field(
        default="instructor",
        description="a grader reads and marks; an instructor also changes dates and scores; an admin also runs the service",
    )


class MailConfig(Section):
    """The server that sends sign-in links. Its password is AUTOGRADE_SMTP_PASSWORD, or in AUTOGRADE_SMTP_PASSWORD_FILE."""

    host: Name
    port: int = Field(default=587, ge=1, le=65535)
    sender: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", description="sender's address of the mails")
    user: str = Field(default="", description="user name for the mail server; if missing, no sign-in")
    security: Literal["starttls", "tls", "none"] = "starttls"


class OidcConfig(Section):
    """An OpenID Connect provider. Its secret is AUTOGRADE_OIDC_SECRET, or in AUTOGRADE_OIDC_SECRET_FILE."""

    issuer: str = Field(
        pattern=r"^https?://\S+$", description="the provider's address, under which its metadata is found"
    )
    client_id: Name
    name: Name = Field(default="your university", description="the provider's name on the button: Sign in with ...")
    claim: Name = Field(default="email", description="the verified claim that is a person's e-mail or id in the roster")


class WebhookConfig(Section):
    """An address that learns of every graded attempt. Signed with AUTOGRADE_WEBHOOK_SECRET."""

    url: str = Field(pattern=r"^https?://\S+$")


class ServerConfig(Section):
    """The web service, `autograde serve`."""

    url: str = Field(
        default="",
        pattern=r"^(https?://[^\s/]+)?$",
        description="its public address; links point there, and if it is https, cookies are sent only over https",
    )
    staff: tuple[StaffMember, ...] = ()
    mail: MailConfig | None = None
    oidc: OidcConfig | None = None
    webhook: WebhookConfig | None = None
    upload_mb: int = Field(default=100, ge=1, le=2000, description="limit in MB for one upload")
    session_days: float = Field(default=14, gt=0, le=400, description="days after which everybody signs in again")
    proxies: tuple[str, ...] = Field(
        default=(), description="addresses of reverse proxies whose X-Forwarded-For is trusted"
    )
