"""The reports endpoint over HTTP: what it hands out, to whom, and what it refuses."""

from typing import Any

import pytest

from tests.eventually import eventually
from tests.journey.server import Customer, Server, body, tree

URL = "/tts/3/reports"


def stocked(town: Server, customer: Customer, count: int, bulk: str = "stock") -> list[str]:
    """`count` finished messages of a bulk, oldest finished first."""
    sent = customer.phone(body([f"4179{n:04}03" for n in range(count)]) | {"bulkId": bulk})
    return finished(town, sent)


def finished(town: Server, sent: list[str]) -> list[str]:
    eventually(lambda: {*sent} <= {*town.finished()}, 30, "the calls are over")
    return [one for one in town.finished() if one in set(sent)]


def ids(reports: list[dict[str, Any]]) -> list[str]:
    return [report["messageId"] for report in reports]


def test_each_once_oldest_first_50_unless_said(customer: Customer, town: Server) -> None:
    order = stocked(town, customer, 63)
    assert ids(customer.take(limit=3)) == order[:3]
    assert ids(customer.take(limit="")) == order[3:53]
    assert ids(customer.take(limit=5000, bulkId="", messageId="", colour="green")) == order[53:]
    assert customer.take() == []


def test_filters_narrow_and_only_what_is_returned_is_taken(customer: Customer, town: Server) -> None:
    one, two = stocked(town, customer, 4, "one"), stocked(town, customer, 4, "two")
    assert customer.take(messageId="unknown") == []
    assert customer.take(bulkId="one", messageId=two[0]) == []
    assert ids(customer.take(messageId=two[2])) == [two[2]]
    assert customer.take(messageId=two[2]) == []
    assert ids(customer.take(bulkId="two", limit=2)) == two[:2]
    assert ids(customer.take(bulkId="one", messageId=one[3])) == [one[3]]
    assert ids(customer.take(bulkId="two")) == [two[3]]
    assert ids(customer.take()) == one[:3]


def test_another_account_sees_none_of_it(customer: Customer, town: Server) -> None:
    order = stocked(town, customer, 2)
    town.add("stranger")
    with town.customer("stranger") as stranger:
        assert stranger.take() == stranger.take(bulkId="stock") == stranger.take(messageId=order[0]) == []
    assert ids(customer.take()) == order


@pytest.mark.parametrize("header", [None, "Basic !!", "Basic QWxhZGRpbjp4", "App nokey", "Bearer x"])
def test_401_says_how_and_takes_nothing(customer: Customer, town: Server, header: str | None) -> None:
    order = stocked(town, customer, 1)
    with Customer(town.url, "nobody") as nobody:
        nobody.auth = None
        for accept, start in (("application/json", '{"requestError"'), ("application/xml", "<requestError>")):
            answer = nobody.get(URL, headers={"Accept": accept} | ({"Authorization": header} if header else {}))
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == 'Basic realm="ringback"'
            assert answer.text.startswith(start)
            assert "UNAUTHORIZED" in answer.text
            assert "Invalid login details" in answer.text
    assert ids(customer.take()) == order


def test_what_is_refused_takes_nothing_and_nothing_is_stored_by_caches(customer: Customer, town: Server) -> None:
    order = stocked(town, customer, 1)
    head = customer.head(URL)
    assert (head.status_code, head.headers["allow"], head.content) == (405, "GET", b"")
    post = customer.post(URL)
    assert (post.status_code, post.headers["allow"]) == (405, "GET")
    picture = customer.get(URL, headers={"Accept": "image/png"})
    assert picture.status_code == 406
    for wrong in ("0", "-1", "many", "1.5"):
        answer = customer.get(URL, params={"limit": wrong})
        assert answer.status_code == 400
        assert "limit" in answer.json()["requestError"]["serviceException"]["validationErrors"]
        assert answer.headers["cache-control"] == "no-store"
    good = customer.get(URL)
    assert ids(good.json()["results"]) == order
    assert {one.headers["cache-control"] for one in (head, post, picture, good)} == {"no-store"}


def test_the_answer_s_form_follows_accept(customer: Customer, town: Server) -> None:
    order = stocked(town, customer, 4)
    for accept, form in (
        ("text/xml", "application/xml"),
        ("application/json;q=0.4, application/xml;q=0.5", "application/xml"),
        ("application/xml;q=0.5, */*;q=0.5", "application/json"),
        ("*/*", "application/json"),
    ):
        answer = customer.get(URL, params={"limit": 1}, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (200, form)
        assert order.pop(0) in answer.text


def test_xml_says_price_per_message_and_leaves_out_what_is_unknown(customer: Customer, town: Server) -> None:
    finished(town, customer.phone({"messages": [{"destinations": [{"to": "99703"}], "text": "Hi."}]}))
    answer = customer.get(URL, headers={"Accept": "application/xml"})
    (result,) = tree(answer.text).findall("results/result")
    assert result.findtext("price/pricePerMessage") == "0.02"
    gone = {"mccMnc", "dtmfCodes", "recordedAudioFileUrl", "callbackData"}
    assert not gone & {child.tag for child in result}
    assert result.findtext("error/permanent") == "true"


# -- Idempotency-Key -------------------------------------------------------------------------------------------


def test_a_key_gets_the_same_bytes_again_and_nobody_else_does(customer: Customer, town: Server) -> None:
    order = stocked(town, customer, 5)
    key = {"Idempotency-Key": "key-1"}
    first = customer.get(URL, params={"limit": 2}, headers=key)
    assert ids(first.json()["results"]) == order[:2]
    assert "idempotent-replayed" not in first.headers
    assert ids(customer.take(limit=1)) == order[2:3]
    again = customer.get(URL, params={"limit": 2}, headers=key)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    other = customer.get(URL, params={"limit": 3}, headers=key)
    assert other.status_code == 422
    as_xml = customer.get(URL, params={"limit": 2}, headers=key | {"Accept": "application/xml"})
    assert as_xml.status_code == 422
    assert ids(customer.take()) == order[3:]


def test_an_empty_answer_is_not_remembered_and_a_key_is_the_account_s_own(customer: Customer, town: Server) -> None:
    key = {"Idempotency-Key": "mine"}
    assert customer.take(key) == []
    order = stocked(town, customer, 1)
    assert ids(customer.take(key)) == order
    town.add("rival")
    with town.customer("rival") as rival:
        assert rival.take(key) == []
    assert ids(customer.take(key)) == order


def test_an_answer_under_a_key_outlives_a_restart(serve: Any) -> None:
    server = serve()
    server.add("keeper")
    key = {"Idempotency-Key": "k"}
    with server.customer("keeper") as keeper:
        stocked(server, keeper, 3)
        first = keeper.get(URL, params={"limit": 2}, headers=key).content
    assert server.stop() == 0
    server.start()
    with server.customer("keeper") as keeper:
        again = keeper.get(URL, params={"limit": 2}, headers=key)
        assert (again.content, again.headers["idempotent-replayed"]) == (first, "true")
        assert len(keeper.take()) == 1
