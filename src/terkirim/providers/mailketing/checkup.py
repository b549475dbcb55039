"""What an account at Mailketing can tell of itself: its key, its version, its approved senders."""

from datetime import timedelta
from typing import Protocol

from terkirim.domain.finding import Finding, Level
from terkirim.domain.outcome import (
    Accepted,
    Outcome,
    OutOfCredits,
    ProviderFault,
    SenderRefused,
    Unauthorised,
)
from terkirim.domain.phrase import phrase


class Account(Protocol):
    """The questions that an account answers without mail."""

    async def probe(
        self, *, within: timedelta, sender: str | None = None
    ) -> Outcome | ProviderFault:
        """Ask for the balance, or for a sender among the approved ones."""
        ...


async def findings(
    own: Account, second: Account | None, *, sender: str | None, set_by: str, within: timedelta
) -> list[Finding]:
    """Return what the account says, asked through the version in use.

    `second` is the same account through version 2 where version 1 is in use; `set_by` says by which
    setting the version is changed.
    """
    balance = await own.probe(within=within)
    found = [_of_key(balance)]
    asked = own
    if second is not None:
        is_answering = isinstance(await second.probe(within=within), Accepted | OutOfCredits)
        found += [_recommended(set_by)] if is_answering else []
        asked = second if is_answering else own
    if sender is not None and isinstance(balance, Accepted | OutOfCredits):
        found.append(_of_sender(sender, await asked.probe(within=within, sender=sender)))
    return found


def _of_key(outcome: Outcome | ProviderFault) -> Finding:
    match outcome:
        case Accepted(credits=None):
            says = phrase("Mailketing takes the key, but names no balance that can be read.")
            mends = phrase("Look it up in the account at Mailketing.")
            return Finding("provider_key", Level.WARNING, says, mends)
        case Accepted(credits=credits):
            says = phrase("Mailketing takes the key; {credits} credits are left.", credits=credits)
            return Finding("provider_key", Level.OK, says)
        case Unauthorised(reason=why):
            says = phrase("Mailketing refuses the key: {why}", why=why)
            mends = phrase(
                "Copy the API token of the account into MAILKETING_API_KEY. "
                "The mail waits meanwhile and goes out by itself then."
            )
            return Finding("provider_key", Level.FAULT, says, mends)
        case OutOfCredits():
            says = phrase("Mailketing takes the key, but no credits are left.")
            mends = phrase("Buy credits. The mail waits meanwhile and goes out by itself then.")
            return Finding("provider_key", Level.FAULT, says, mends)
        case _:
            says = phrase("Mailketing does not tell its balance: {why}", why=outcome.reason)
            mends = phrase("Check the network, TERKIRIM_PROXY and MAILKETING_API_URL.")
            return Finding("provider_key", Level.FAULT, says, mends)


def _recommended(set_by: str) -> Finding:
    return Finding(
        "provider_version",
        Level.WARNING,
        phrase("Version 1 of the API is in use, and version 2 answers with the same key."),
        phrase(
            "Set {setting}: version 2 tells for certain which message an event is about.",
            setting=set_by,
        ),
    )


def _of_sender(sender: str, outcome: Outcome | ProviderFault) -> Finding:
    match outcome:
        case Accepted():
            says = phrase("Mailketing has approved the sender {sender}.", sender=sender)
            return Finding("sender_approved", Level.OK, says)
        case SenderRefused():
            says = phrase("Mailketing has not approved the sender {sender}.", sender=sender)
            mends = phrase("Have the address or its domain approved in the account at Mailketing.")
            return Finding("sender_approved", Level.FAULT, says, mends)
        case _:
            says = phrase(
                "Nobody can say whether the sender {sender} is approved: {why}",
                sender=sender,
                why=outcome.reason,
            )
            mends = phrase("Look it up in the account at Mailketing.")
            return Finding("sender_approved", Level.WARNING, says, mends)
