"""Shows an e-mail as it would go, for `--dry-run`."""

from datetime import datetime
from typing import Any

from terkirim.cli.screen import Screen, columns, printable
from terkirim.content.variables import rendered
from terkirim.domain.email import Email


def preview(email: Email) -> dict[str, Any]:
    """Return the e-mail with its first recipient's words filled in."""
    content = email.content
    subject, html, text = email.subject, content.html, content.text
    if content.is_template:
        subject, html, text = rendered(subject, html, text, email.messages[0].variables)
    return {
        "from": str(email.sender),
        "to": [str(one) for one in email.to],
        "cc": [str(one) for one in email.cc],
        "bcc": [str(one) for one in email.bcc],
        "reply_to": [str(one) for one in email.reply_to],
        "subject": subject,
        "html": html,
        "text": text,
        "attachments": [one.filename for one in email.attachments],
        "scheduled_at": _time(email.scheduled_at),
        "expires_at": _time(email.expires_at),
        "warnings": list(email.warnings),
    }


def preview_lines(screen: Screen, email: Email) -> list[str]:
    """Return the same for people."""
    say, shown = screen.say, preview(email)
    facts = [
        (say("To"), ", ".join(shown["to"] + shown["cc"] + shown["bcc"])),
        (say("From"), shown["from"]),
        (say("Subject"), shown["subject"]),
        (say("Attachments"), ", ".join(shown["attachments"])),
        (say("Scheduled"), "" if email.scheduled_at is None else screen.at(email.scheduled_at)),
        (say("Expires"), "" if email.expires_at is None else screen.at(email.expires_at)),
        (say("Not carried"), "; ".join(email.warnings)),
    ]
    lines = columns([(label, printable(value)) for label, value in facts if value])
    for body in (shown["text"], shown["html"]):
        lines += [] if body is None else ["", *map(printable, body.splitlines())]
    return lines


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
