"""The words for states, outcomes, roles and views, as the pages say them."""

from collections.abc import Mapping

from terkirim.domain.phrase import Phrase, phrase
from terkirim.ports import BY_HAND

STATES: Mapping[str, Phrase] = {
    "queued": phrase("queued"),
    "leased": phrase("being sent"),
    "unclear": phrase("unclear"),
    "held": phrase("held"),
    "accepted": phrase("sent"),
    "delivered": phrase("delivered"),
    "bounced": phrase("bounced"),
    "complained": phrase("spam report"),
    "dead": phrase("gave up"),
    "suppressed": phrase("suppressed"),
    "cancelled": phrase("cancelled"),
}
OUTCOMES: Mapping[str, Phrase] = {
    "accepted": phrase("taken"),
    "deferred": phrase("not taken this time"),
    "rejected": phrase("refused for good"),
    "unclear": phrase("no clear answer, may have been taken"),
    "unauthorised": phrase("the key was refused"),
    "out_of_credits": phrase("the credits are used up"),
    "quota_reached": phrase("the daily limit is reached"),
    "sender_refused": phrase("the sender is not approved"),
}
SEVERITIES: Mapping[str, Phrase] = {
    "info": phrase("info"),
    "warning": phrase("warning"),
    "critical": phrase("critical"),
    "emergency": phrase("emergency"),
}
DELIVERIES: Mapping[str, Phrase] = {
    "waiting": phrase("tried again"),
    "sent": phrase("told"),
    "failed": phrase("failed"),
    "dropped": phrase("over before it was told"),
}
PURPOSES: Mapping[str, Phrase] = {
    "alert": phrase("alert"),
    "recovery": phrase("recovery"),
    "summary": phrase("summary"),
    "test": phrase("test"),
}
EVENTS: Mapping[str, Phrase] = {
    "delivered": phrase("delivered"),
    "opened": phrase("opened"),
    "clicked": phrase("clicked"),
    "bounced": phrase("bounced"),
    "complained": phrase("spam report"),
    "unsubscribed": phrase("unsubscribed"),
}
# Our own, where no answer came; what a provider answers is shown as it stands.
CODES: Mapping[str, Phrase] = {
    "broken": phrase("line broke"),
    "connect": phrase("no connection"),
    "pool": phrase("no free connection"),
    "timeout": phrase("no answer in time"),
}
MATCHES: Mapping[str, Phrase] = {
    "id": phrase("found by its id"),
    "reference": phrase("found by the provider's id"),
    "guessed": phrase("guessed by recipient and time"),
}
WHYS: Mapping[str, Phrase] = {
    "complaint": phrase("spam report"),
    "permanent bounce": phrase("bounced for good"),
    "by hand": phrase("by hand"),
    "unsubscribed": phrase("unsubscribed"),
    "transient bounces": phrase("bounced for now, again and again"),
}
STREAMS: Mapping[str, Phrase] = {
    "": phrase("every e-mail"),
    "transactional": phrase("transactional"),
    "broadcast": phrase("broadcast"),
}
PRIORITIES: Mapping[str, Phrase] = {
    "high": phrase("high"),
    "normal": phrase("normal"),
    "low": phrase("low"),
}
ROLES: Mapping[str, Phrase] = {
    "viewer": phrase("viewer"),
    "operator": phrase("operator"),
    "admin": phrase("admin"),
}
ROLE_MEANINGS: Mapping[str, Phrase] = {
    "viewer": phrase("looks, and changes nothing"),
    "operator": phrase("also sends again, cancels, pauses and tests"),
    "admin": phrase("also keys, people and settings"),
}
SCOPES: Mapping[str, Phrase] = {
    "send": phrase("hand over e-mails, cancel and requeue them"),
    "read": phrase("look at messages and reports"),
    "admin": phrase("everything, keys included"),
}
VIEWS: Mapping[str, Phrase] = {
    "html": phrase("Preview"),
    "text": phrase("Text"),
    "source": phrase("HTML source"),
    "headers": phrase("Headers"),
    "curl": phrase("As curl"),
}
BREAKERS: Mapping[str, Phrase] = {
    "closed": phrase("in use"),
    "open": phrase("left alone after faults"),
    "half_open": phrase("tried with one message"),
    "recovering": phrase("recovering"),
}
# The badge that a state of a delivery shares, and its word.
WEBHOOK_STATES: Mapping[str, tuple[str, Phrase]] = {
    "waiting": ("queued", phrase("waits")),
    "delivered": ("breaker-closed", phrase("told")),
    "failed": ("dead", phrase("given up")),
    "held": ("held", phrase("held")),
}
# What is said where no answer came, by the English words in which it is kept.
WEBHOOK_REASONS: Mapping[str, Phrase] = {
    one.text: one
    for one in (
        phrase("the name of the host is not known"),
        phrase("the host is not on the open Internet; see TERKIRIM_WEBHOOK_REACH"),
        phrase("redirects are not followed"),
        phrase("no answer within 15 s"),
    )
}
WEBHOOK_TYPES: Mapping[str, Phrase] = {
    "email.sent": phrase("the provider took it"),
    "email.scheduled": phrase("it was taken for later"),
    "email.delivered": phrase("it arrived"),
    "email.delivery_delayed": phrase("the first attempt failed, it is tried again"),
    "email.complained": phrase("its reader reported it as spam"),
    "email.bounced": phrase("it came back"),
    "email.opened": phrase("its reader opened it"),
    "email.clicked": phrase("its reader followed a link"),
    "email.failed": phrase("it was given up"),
    "email.suppressed": phrase("its recipient is not sent to"),
    "suppression.added": phrase("an address is not sent to any more"),
    "suppression.removed": phrase("an address is sent to again"),
}
MENDS: Mapping[str, Phrase] = {
    "Unauthorised": phrase(
        "Put the key right in `MAILKETING_API_KEY`; a key in the file of `MAILKETING_API_KEY_FILE` "
        "is read again by itself. The mail then goes out by itself."
    ),
    "OutOfCredits": phrase("Top the account up at the provider. The mail then goes out by itself."),
    "QuotaReached": phrase("The mail goes on by itself when the limit's next day begins."),
    "SenderRefused": phrase(
        "Have the sender approved at the provider. Other senders go on meanwhile."
    ),
    BY_HAND: phrase("Somebody paused it. It stays so until somebody resumes it."),
}
