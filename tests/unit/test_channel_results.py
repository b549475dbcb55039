"""Of each channel the newest notice that was tried says how it does."""

from datetime import UTC, datetime, timedelta

from terkirim.domain.alert import Alert, Delivery, DeliveryState, Purpose, Severity
from terkirim.reports.channels import newest_by_channel

NOW = datetime(2026, 11, 24, tzinfo=UTC)
HOUR = timedelta(hours=1)


def notice(channel, at, *, attempts=1, state=DeliveryState.SENT):
    return Delivery(
        alert_id="a",
        channel=channel,
        shown=channel,
        purpose=Purpose.ALERT,
        severity=Severity.INFO,
        title="",
        body="",
        due_at=at,
        state=state,
        attempts=attempts,
        sent_at=at if state is DeliveryState.SENT else None,
    )


def alert(*notices):
    return Alert(
        id="a", kind="k", subject="", severity=Severity.INFO, facts={}, title="", body="",
        seen_at=NOW, last_at=NOW, deliveries=notices,
    )  # fmt: skip


def test_the_newest_notice_that_was_tried_counts_whether_it_was_taken_or_not():
    failed = notice("one", NOW + 2 * HOUR, state=DeliveryState.FAILED)
    sent = notice("two", NOW)
    alerts = [
        alert(notice("one", NOW + HOUR), sent),
        alert(failed, notice("two", NOW + 3 * HOUR, attempts=0, state=DeliveryState.WAITING)),
    ]
    assert newest_by_channel(alerts) == {"one": failed, "two": sent}
