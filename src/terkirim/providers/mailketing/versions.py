"""The two versions of the API as requests: which URL is asked, and where the key travels."""

from datetime import timedelta
from typing import Protocol

from terkirim.domain.email import OutgoingMessage
from terkirim.domain.outcome import Deferred, Unclear
from terkirim.providers.http import Answer, HttpClient
from terkirim.providers.mailketing.content import fields_of, json_of
from terkirim.providers.mailketing.key import Key


class Version(Protocol):
    """One version of the API; a call raises ValueError where a text cannot be written.

    `repeats_id`: its answer to a mail names the id that we gave the mail.
    """

    repeats_id: bool

    async def send(
        self, message: OutgoingMessage, *, key: Key, within: timedelta
    ) -> Answer | Deferred | Unclear:
        """Post the one mail."""
        ...

    async def credits(self, *, key: Key, within: timedelta) -> Answer | Deferred | Unclear:
        """Ask for the balance."""
        ...

    async def senders(self, *, key: Key, within: timedelta) -> Answer | Deferred | Unclear:
        """Ask for the approved senders; Unclear where the version has no such call."""
        ...


class Version1:
    """Form-encoded, the key in the body. `collapse` takes newlines out of the HTML."""

    repeats_id = False

    def __init__(self, http: HttpClient, base_url: str, *, collapse: bool) -> None:
        self._http = http
        self._send_url = f"{base_url}/send"
        self._credits_url = f"{base_url}/ceksaldo"
        self._collapse = collapse

    async def send(
        self, message: OutgoingMessage, *, key: Key, within: timedelta
    ) -> Answer | Deferred | Unclear:
        fields = fields_of(message, token=key.text, collapse=self._collapse)
        return await self._http.post_form(self._send_url, within=within, fields=fields)

    async def credits(self, *, key: Key, within: timedelta) -> Answer | Deferred | Unclear:
        fields = {"api_token": key.text}
        return await self._http.post_form(self._credits_url, within=within, fields=fields)

    async def senders(self, *, key: Key, within: timedelta) -> Answer | Deferred | Unclear:
        del key, within
        return Unclear("no call of Mailketing's v1 tells which senders are approved")


class Version2:
    """JSON, the key in a header."""

    repeats_id = True

    def __init__(self, http: HttpClient, base_url: str) -> None:
        self._http = http
        self._send_url = f"{base_url}/send"
        self._credits_url = f"{base_url}/credits"
        self._senders_url = f"{base_url}/senders"

    async def send(
        self, message: OutgoingMessage, *, key: Key, within: timedelta
    ) -> Answer | Deferred | Unclear:
        headers = {"X-Api-Token": key.text, "Content-Type": "application/json"}
        return await self._http.post(
            self._send_url, within=within, headers=headers, body=json_of(message)
        )

    async def credits(self, *, key: Key, within: timedelta) -> Answer | Deferred | Unclear:
        headers = {"X-Api-Token": key.text}
        return await self._http.get(self._credits_url, within=within, headers=headers)

    async def senders(self, *, key: Key, within: timedelta) -> Answer | Deferred | Unclear:
        headers = {"X-Api-Token": key.text}
        return await self._http.get(self._senders_url, within=within, headers=headers)
