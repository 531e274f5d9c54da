"""Customers who send and take without pause, and remember what they were told, whatever happens to the server."""

import contextlib
import itertools
import random
import threading
from collections import Counter
from typing import Any

import httpx

from tests.eventually import eventually
from tests.journey.server import Server

OUTCOMES = {"03": "EC_VOICE_USER_BUSY", "05": "EC_DECLINE", "13": "VOICE_ANSWERED"}
MOST_WAITING = 80
URL = "/tts/3/reports"


class Told:
    """What the customers know, and nothing else."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.accepted: dict[str, str] = {}  # message id: number; their sends were answered with 200
        self.doubtful: dict[str, str] = {}  # their sends were not answered
        self.reports: dict[str, dict[str, Any]] = {}
        self.twice: Counter[str] = Counter()
        self.lost = 0  # how many reports may have been in answers that were lost, and had no key
        self.open_keys: dict[str, int] = {}  # keys whose answers were lost: to be asked again, with their limits
        self.faults: list[str] = []
        self._numbers = itertools.count(1)

    def waiting(self) -> int:
        return len(self.accepted) - len(self.reports) - self.lost

    def destinations(self, rng: random.Random) -> list[dict[str, str]]:
        """One to three, each with a number that nobody else has."""
        made = []
        for _ in range(rng.randint(1, 3)):
            with self.lock:
                number = next(self._numbers)
            to = f"41{number:07}{rng.choice(list(OUTCOMES))}"
            made.append({"to": to, "messageId": f"id-{number}"})
        return made

    def take(self, reports: list[dict[str, Any]]) -> None:
        with self.lock:
            for report in reports:
                if report["messageId"] in self.reports:
                    self.twice[report["messageId"]] += 1
                self.reports[report["messageId"]] = report


class Traffic:
    """Senders and takers, until `stop`."""

    def __init__(self, server: Server, told: Told, rng: random.Random) -> None:
        self._server, self._told, self._rng = server, told, rng
        self._over = threading.Event()
        roles = [self._send, self._send, self._take_plainly, self._take_with_keys, self._take_with_keys]
        self._threads = [threading.Thread(target=self._run, args=(role,), daemon=True) for role in roles]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _run(self, role: Any) -> None:
        rng = random.Random(self._rng.random())
        with self._server.customer("Jasmine") as client:
            while not self._over.is_set():
                try:
                    role(client, rng)
                except httpx.ConnectError:
                    self._over.wait(0.02)  # nobody is there: nothing was asked

    def _send(self, client: httpx.Client, rng: random.Random) -> None:
        eventually(lambda: self._told.waiting() < MOST_WAITING or self._over.is_set(), 60, "room for more")
        destinations = self._told.destinations(rng)
        sent = {one["messageId"]: one["to"] for one in destinations}
        message = {"destinations": destinations, "text": "Please press one, and hear me out.", "maxDtmf": 1}
        try:
            answer = client.post("/tts/3/advanced", json={"messages": [message]})
        except httpx.ConnectError:
            raise
        except httpx.TransportError:
            self._told.doubtful |= sent
            return
        if answer.status_code == 200:
            self._told.accepted |= sent
        elif answer.status_code == 503:
            self._told.doubtful |= sent
        else:
            self._told.faults.append(answer.text)

    def _take_plainly(self, client: httpx.Client, rng: random.Random) -> None:
        limit = rng.randint(1, 4)
        headers = {"Prefer": "wait=1"} if rng.random() < 0.5 else {}
        try:
            answer = client.get(URL, params={"limit": limit}, headers=headers)
        except httpx.ConnectError:
            raise
        except httpx.TransportError:
            self._told.lost += limit
            return
        self._heard(answer)

    def _take_with_keys(self, client: httpx.Client, rng: random.Random) -> None:
        key, limit = f"key-{rng.random()}", rng.randint(1, 6)
        self._told.open_keys[key] = limit
        self.ask_again(client, key, rng)

    def ask_again(self, client: httpx.Client, key: str, rng: random.Random) -> None:
        """Asks under a key, and until it is answered the key stays open. Now and then twice: the answer is the same."""
        limit = self._told.open_keys[key]
        headers = {"Idempotency-Key": key} | ({"Prefer": "wait=1"} if rng.random() < 0.5 else {})
        with contextlib.suppress(httpx.TransportError):
            answer = client.get(URL, params={"limit": limit}, headers=headers)
            self._heard(answer)
            if answer.status_code != 200:
                return
            del self._told.open_keys[key]
            if answer.json()["results"] and rng.random() < 0.3:
                again = client.get(URL, params={"limit": limit}, headers=headers)
                if again.status_code == 200 and again.content != answer.content:
                    self._told.faults.append(f"{key}: {answer.text} and then {again.text}")

    def _heard(self, answer: httpx.Response) -> None:
        if answer.status_code == 200:
            self._told.take(answer.json()["results"])
        elif answer.status_code != 503:
            self._told.faults.append(answer.text)


def ask_for_what_was_lost(server: Server, told: Told) -> int:
    """Asks again for every answer under a key that was lost: how many of them held reports."""
    held = 0
    with server.customer("Jasmine") as client:
        for key, limit in list(told.open_keys.items()):
            answer = client.get(URL, params={"limit": limit}, headers={"Idempotency-Key": key})
            assert answer.status_code == 200, answer.text
            held += "idempotent-replayed" in answer.headers
            told.take(answer.json()["results"])
            del told.open_keys[key]
    return held
