"""Builds what a provider is given for one attempt: words filled in, links signed afresh."""

from datetime import datetime

from terkirim.content.signed_urls import Links
from terkirim.content.variables import rendered
from terkirim.domain.email import OutgoingMessage
from terkirim.ports import Work


def outgoing(work: Work, *, links: Links | None, now: datetime) -> OutgoingMessage:
    """Return the message as it is sent.

    `links` signs the addresses of attachments; it is None where the gateway has no public address.

    Raises:
        InvalidEmail: the content cannot be rendered. It was tried out when it was accepted, so
            that this means the stored content and this version of the product do not fit.
    """
    subject, html, text = work.subject, work.content.html, work.content.text
    if work.content.is_template:
        subject, html, text = rendered(subject, html, text, work.variables)
    urls = () if links is None else tuple(links.url(one, now=now) for one in work.attachments)
    return OutgoingMessage(
        id=work.lease.message_id,
        email_id=work.lease.email_id,
        recipient=work.recipient,
        sender=work.sender,
        subject=subject,
        html=html,
        text=text,
        reply_to=work.reply_to,
        headers=work.headers,
        attachments=work.attachments,
        attachment_urls=urls,
    )
