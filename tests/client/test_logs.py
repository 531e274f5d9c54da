"""The logs and the ledger, by the client."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ringback_client import BadRequest, Destination, Ledger, Message, NotFound, Ringback


def test_the_logs_hold_what_is_pending_and_what_is_over(client: Ringback, tmp_path: Path) -> None:
    begun = datetime.now(UTC)
    over = client.send(Message(Destination("+41 79 910 03 03", "mine &"), "Hi", caller="442032864231"), bulk_id="b1")
    later = client.send(Message("41799100303", "Later", send_at=begun + timedelta(days=1)), bulk_id="b2")
    with client.reports(tmp_path / "bookmark", wait=10) as reports:
        report = next(reports)
    (done,) = client.logs(bulk_id="b1", to="41799100303", caller="442032864231", general_status="EXPIRED")
    assert (done.message_id, done.text, done.caller, done.to) == ("mine &", "Hi", "442032864231", "41799100303")
    assert (done.sent_at, done.done_at, done.duration) == (report.sent_at, report.done_at, 0)
    assert (done.status, done.error, done.price) == (report.status, report.error, report.price)
    (pending,) = client.logs(message_id=[one.message_id or "" for one in later.messages])
    assert (pending.bulk_id, pending.status.group_name, pending.done_at) == ("b2", "PENDING", None)
    assert len(client.logs(bulk_id=("b1", "b2"))) == len(client.logs(bulk_id=[over.bulk_id, "b2"])) == 2
    assert client.logs(bulk_id="b1") == client.logs(bulk_id="b1")
    assert len(client.logs(limit=1)) == 1
    assert client.logs(sent_until=begun - timedelta(days=1)) == ()
    assert done in client.logs(sent_since=begun - timedelta(minutes=1), sent_until=begun + timedelta(days=3))
    client.cancel("b2")


def test_a_filter_that_is_none_is_named(client: Ringback) -> None:
    with pytest.raises(BadRequest, match="mcc: must be 3 digits"):
        client.logs(mcc="x")


def test_the_ledger_counts_and_adds_up(client: Ringback, tmp_path: Path) -> None:
    client.send(Message("41799100303", "Hi"), bulk_id="b1")
    client.send(Message(["1234", "4567"], "Later", send_at=datetime.now(UTC) + timedelta(days=1)), bulk_id="b 2")
    with client.reports(tmp_path / "bookmark", wait=10) as reports:
        next(reports)
    assert client.ledger() == Ledger(accepted=3, pending=2, waiting=0, collected=1, pushed=0)
    assert client.ledger("b 2") == Ledger(accepted=2, pending=2, waiting=0, collected=0, pushed=0)
    with pytest.raises(NotFound):
        client.ledger("b3")
    client.cancel("b 2")
