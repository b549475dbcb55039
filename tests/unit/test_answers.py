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
        "Sisa saldo 0",
        "Saldo anda: Rp 0",
        "You have 0 credits",
        "Kehabisan kredit",
        "Saldo kosong",
        "Insufficient account balance",
        "Saldo Rp 1.000 tidak cukup, coba lagi setelah isi ulang",
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
        "Sender domain not allowed for this recipient",
        "Domain not verified, see recipient list",
    ],
    AnswerKind.RECIPIENT: [
        "Invalid recipient",
        "recipient is not valid",
        "Alamat email tidak valid",
        "Invalid email address",
        "recipient domain not allowed",
        "The recipient's domain is not allowed",
        "Domain penerima tidak terdaftar",
        "Recipient not allowed",
        "Email tidak valid",
        "email budi@example.com tidak valid",
        "The email address budi@example.com does not exist",
        "Invalid email: budi@example.com",
        "Invalid recipient email",
        "Format email salah",
        "Alamat email anda salah",
        "Malformed address",
        "Mailbox does not exist",
        "Email penerima tidak ditemukan",
        "Email tujuan tidak ditemukan",
        "Penerima tidak dikenal",
        "Alamat email yang anda masukkan tidak valid, silakan periksa kembali",
        "The recipient's address doesn't exist",
        "The recipient must be a valid email address.",
        "Gagal: alamat email tidak valid.",
        "ValueError: Invalid recipient",
        "email 'budi@server.example' tidak valid",
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
        "The email template does not exist",
        "Invalid email content",
        "IP address not valid",
        "Invalid IP address",
        "Email service configuration salah",
        "Invalid email server",
        "Email gagal dikirim karena parameter lain salah",
        "URL address tidak ditemukan",
        "Template email tidak ditemukan",
        "Email tidak ditemukan",
        "Format konten email tidak valid",
        "Database error: table recipient does not exist",
        "Query failed: recipient not found",
        "Server email tidak ditemukan",
        "Koneksi ke mailbox server invalid",
        "Server penerima tidak ditemukan sementara",
        "penerima server salah konfigurasi, coba lagi",
        "Alamat email ini tidak valid untuk saat ini karena sistem sibuk",
        "Alamat email tidak valid, coba lagi nanti",
        "SMTP: mailbox unavailable, invalid response from upstream",
        "Gagal menghubungi server penerima, alamat IP salah",
        "Recipient list invalid",
        "Duplicate recipient, not allowed",
        "Subject 'invalid recipient' looks like spam",
        "Kesalahan internal: field recipient_id salah tipe",
        "Waktu habis (timeout) saat memproses kredit",
        "Kredit tidak dapat diperiksa, waktu habis",
        "Credit check failed: connection pool exhausted",
        "The credits API returned an empty response",
        "0 kredit terpakai",
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


@pytest.mark.parametrize(
    "text",
    [
        *("email " + "a@" * 1_000, "invalid " + "a@" * 1_000, "invalid " + "x@y " * 500),
        *(
            "recipient " * 200,
            "invalid to to to " * 100 + "@" * 300,
            "email " + "a.b@c.d.e-f " * 150,
            "email tujuan not yet " * 90,
            "credits is " * 180 + "1",
        ),
    ],
)
def test_a_text_that_fits_half_a_row_in_a_thousand_ways_is_read_to_its_end(text):
    assert kind_of_text(text) is None
