"""One HTTP request, sent once, and what is proved about it: answered, never left, or unclear."""

from terkirim.providers.http.client import BODY_LIMIT, HttpClient
from terkirim.providers.http.line import Answer
from terkirim.providers.http.places import is_url

__all__ = ["BODY_LIMIT", "Answer", "HttpClient", "is_url"]
