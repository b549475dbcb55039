"""What a provider's failure text is about: one row of the table for each text."""

import pytest

from terkirim.policy.answers import AnswerKind, kind_of_text

TEXTS = {
    AnswerKind.TOKEN: [
        "Access Denied, Invalid Token",
        "Unauthenticated.",
        "Unauthorized",
        "API key tidak valid",
        "Token expired",
        "Akses ditolak",
        "Invalid access token",
        "Invalid or missing API key",
        "Token tidak ditemukan",
        "Kunci API salah",
    ],
    AnswerKind.CREDITS: [
        "Saldo tidak cukup",
        "saldo anda habis",
        "Kredit habis",
        "Insufficient credits",
        "Not enough balance",
        "kredit email tidak mencukupi",
        "Your balance is 0.",
        "0 credits left",
    ],
    AnswerKind.QUOTA: [
        "Daily limit reached",
        "Kuota harian habis",
        "limit 400 email per hari tercapai",
        "Daily sending quota exceeded",
        "limit pengiriman 400 email per hari telah tercapai",
        "You reached the limit of 400 emails per day",
    ],
    AnswerKind.SENDER: [
        "Sender not approved",
        "from_email belum verifikasi",
        "Domain tidak terdaftar",
        "Pengirim belum diverifikasi",
        "Unverified sender address",
        "Sender has not been approved",
        "Domain tidak terverifikasi",
        "Email pengirim belum disetujui",
        "Email pengirim belum di-approve",
        "Sender address pending approval",
    ],
    AnswerKind.RECIPIENT: [
        "Invalid recipient",
        "recipient is not valid",
        "Alamat email tidak valid",
        "Invalid email address",
    ],
    None: [
        "",
        "Mail Sent",
        "Terjadi kesalahan",
        "try again later",
        "Internal Server Error",
        "Not queued, 100 credits left",
        "Not queued at Rp 0.6 a credit",
        "The recipient field is required",
        "Rate limit, slow down",
    ],
}


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in TEXTS.items() for text in texts]
)
def test_each_text_has_its_row(kind, text):
    assert kind_of_text(text) is kind
    assert kind_of_text(text.upper()) is kind


def test_a_page_of_text_is_read_only_at_its_start():
    assert kind_of_text(" " * 100_000 + "Invalid Token") is None
