"""The one file that knows all the rooms: it builds them, starts them in order and stops them in reverse."""

import asyncio
import ipaddress
import os
import signal
import sys
import time
from contextlib import AsyncExitStack

import structlog
import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server
from starlette.types import ASGIApp

from . import demonstration, log, welcome
from .api.addresses import BehindProxies
from .api.auth import Authenticator
from .api.bulks import Bulks
from .api.cors import Cors
from .api.docs import Docs
from .api.files import Files
from .api.ledger import LedgerPage
from .api.logs import Logs
from .api.messages import Messages
from .api.pushed import push_body
from .api.reports import Reports
from .api.routes import Endpoints, application
from .api.sessions import Sessions
from .api.voices import Voices
from .api.waiting import Waiting
from .audio.announcements import Announcements
from .audio.engines import SpeechEngines
from .audio.espeak import EspeakSpeech
from .audio.files import AudioFiles
from .audio.piper import PiperSpeech
from .audio.recordings import Recordings
from .audio.speech import SpeechFailed
from .calls.engine import CallEngine
from .calls.phones.network import PhoneNetwork, PhonesFailed
from .calls.sip import SipEngine
from .config import Config
from .lifeline import config_from_parent
from .loops.deck_reader import DeckReader
from .loops.dispatcher import Dispatcher
from .loops.expirer import Expirer
from .loops.notifier import Notifier
from .loops.onlooker import Onlooker
from .loops.pruner import Pruner
from .loops.rescuer import rescue
from .model.exceptions import ConfigError, StoreInUse, StoreUnavailable
from .model.message import Bulk, Network
from .model.report import DeliveryReport
from .model.settle import Terms
from .model.tariff import RateDeck
from .model.times import HOUR, Instant
from .model.trunk import Trunk
from .outgoing import Outgoing
from .store.sqlite import SqliteStore
from .supervisor import BAD_CONFIG, RELOAD

_HEADERS_WITHIN = 30_000  # milliseconds a client has to send its request's head
_ANSWERS_WITHIN = 10.0  # seconds that answers under way get when Ringback stops
_log = structlog.get_logger()


def now() -> Instant:
    """The wall clock."""
    return time.time_ns() // 1_000_000


class Ringback:
    """The rooms of one server, wired."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._use(config.deck())
        self.deck_reader = DeckReader(config.deck, self._use)
        self.store = SqliteStore(config.data, retention=config.retention_hours * HOUR)
        self.recordings = Recordings(config.data / "recordings")
        self.speech = _speech(config)
        self.outgoing = Outgoing(config.private_urls)
        self.audio_files = AudioFiles(config.data / "audio-files", self.outgoing)
        self.announcements = Announcements(self.speech, self.audio_files)
        self.waiting = Waiting()
        self.stopping = asyncio.Event()
        self.exit_code = 0

    def _use(self, deck: RateDeck) -> None:
        """From now on: a call that goes on is charged by the deck that is in force when it ends."""
        self.terms = Terms(deck, self.config.public_url)

    async def run(self) -> int:
        """From start to stop: the exit code. Raises `ConfigError` or `StoreInUse` when it can't start."""
        async with AsyncExitStack() as stack:
            await self._open(stack)
            self._start_pushes(stack)
            await self._start_calls(stack)
            await self._start_http(stack)
            print(welcome.welcome(self.config), flush=True)
            if self.config.demo:
                await self._demonstrate()
            await self.stopping.wait()
            await self.dispatcher.stop()
            _log.info("stopping", live_calls_may_last_s=self.config.drain_seconds)
        return self.exit_code

    async def _open(self, stack: AsyncExitStack) -> None:
        await self.store.open()
        stack.push_async_callback(self.store.close)
        await rescue(self.store, self.terms, now)
        if not self.config.demo:
            await demonstration.lock(self.store)
        stack.callback(self.recordings.stop)
        stack.push_async_callback(self.outgoing.close)
        stack.push_async_callback(self.audio_files.stop)
        stack.push_async_callback(self.speech.stop)
        await self.speech.start()

    def _start_pushes(self, stack: AsyncExitStack) -> None:
        """Before the calls, so that the reports of the last ones are still pushed when Ringback stops."""
        notifier = Notifier(self.store, self.outgoing, push_body, now)
        self.store.on_push = notifier.wake
        notifier.start()
        stack.push_async_callback(notifier.stop)

    async def _start_calls(self, stack: AsyncExitStack) -> None:
        self.engine = await self._engine(stack)
        await self.engine.start()
        self.dispatcher = Dispatcher(self.store, self.engine, lambda: self.terms, now)
        self.store.commit_beside = lambda: self.dispatcher.busy
        self.expirer = Expirer(self.store, lambda: self.terms, now)
        loops = (
            self.dispatcher,
            self.expirer,
            Pruner(self.store, self.recordings, now),
            Onlooker(self.store),
            self.deck_reader,
        )
        stack.push_async_callback(self.dispatcher.idle)
        stack.push_async_callback(self.engine.stop, self.config.drain_seconds)
        for loop in loops:
            loop.start()
            stack.push_async_callback(loop.stop)

    async def _engine(self, stack: AsyncExitStack) -> CallEngine:
        config = self.config
        if config.trunk is not None:
            trunk, network = config.trunk, Network.TRUNK
        else:
            phones = PhoneNetwork(config.data / "phones.log", on_death=_phones_died)
            trunk, network = Trunk("127.0.0.1", await phones.start()), Network.SANDBOX
            stack.push_async_callback(phones.stop)
        return SipEngine(
            trunk, network, self.announcements, self.recordings, config.channels, clock=now, on_dead=self._engine_died
        )

    async def _start_http(self, stack: AsyncExitStack) -> None:
        auth = Authenticator(self.store, now=now)
        stack.push_async_callback(auth.tokens.close)
        stack.callback(auth.close)
        self.store.on_accounts_changed = auth.forget
        self.store.on_arrival = self.waiting.ring
        voices = Voices(self.speech, auth)
        endpoints = Endpoints(
            reports=Reports(self.store, auth, self.waiting, now),
            messages=Messages(self.store, auth, self.engine.network, self.dispatcher.wake, now, voices.speak),
            bulks=Bulks(self.store, auth, self._wake, now),
            logs=Logs(self.store, auth, now),
            ledger=LedgerPage(self.store, auth),
            files=Files(self.store, auth, self.recordings),
            voices=voices,
            docs=Docs(self.config.public_url, self.engine.network),
            sessions=Sessions(auth),
        )
        server = _server(self.config, _outermost(self.config, application(endpoints, self.config.public_url)))
        serving = asyncio.create_task(server.serve(), name="http")
        serving.add_done_callback(self._http_ended)
        stack.push_async_callback(_finish_answers, server, serving)
        stack.callback(self.waiting.close)
        await _listening(self.config, serving)

    def _wake(self) -> None:
        self.dispatcher.wake()
        self.expirer.wake()

    async def _demonstrate(self) -> None:
        account = await demonstration.account(self.store)
        bulk = demonstration.bulk(self.engine.network)
        self.dispatcher.on_report = lambda report: self._tell(report, bulk)
        await self.store.accept(account.id, bulk, now())
        self.dispatcher.wake()

    def _tell(self, report: DeliveryReport, bulk: Bulk) -> None:
        if report.bulk_id == bulk.bulk_id:
            print(welcome.demonstration_ended(self.config), flush=True)

    def _http_ended(self, serving: "asyncio.Task[None]") -> None:
        if not self.stopping.is_set():
            fault = None if serving.cancelled() else serving.exception()
            _log.critical("HTTP ended by itself", fault=str(fault))
            self.exit_code = 1
            self.stop()

    def _engine_died(self) -> None:
        """The SIP stack can't be started again in this process; the supervisor starts another one."""
        _log.critical("the SIP stack died: starting again")
        self.exit_code = 1
        self.stop()

    def stop(self) -> None:
        """Begins to stop: no new calls, live ones end, answers under way are sent."""
        self.stopping.set()


def _speech(config: Config) -> SpeechEngines:
    """The operator's voices, where there are any, before espeak-ng's."""
    espeak, folder = EspeakSpeech(config.data / "speech"), config.data / "speech-piper"
    return SpeechEngines([PiperSpeech(config.piper, folder), espeak] if config.piper else [espeak])


def _outermost(config: Config, app: ASGIApp) -> ASGIApp:
    """What stands before the endpoints, where it was asked for."""
    if config.cors_origins:
        app = Cors(app, config.cors_origins)
    if config.trusted_proxies:
        app = BehindProxies(app, [ipaddress.ip_network(one) for one in config.trusted_proxies])
    return app


def _server(config: Config, app: ASGIApp) -> Server:
    return Server(
        app,
        address=config.http.host,
        port=config.http.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADERS_WITHIN),
        websockets=False,
        backlog=1024,
        log_level=LogLevels.warning,
        log_dictconfig=log.GRANIAN,
    )


async def _listening(config: Config, serving: "asyncio.Task[None]") -> None:
    """Returns when a client would be heard, or it is clear that none will be: Granian does not say."""
    address = config.http.reachable()
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection(address.host, address.port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return


async def _finish_answers(server: Server, serving: "asyncio.Task[None]") -> None:
    server.stop()  # type: ignore[no-untyped-call]
    await asyncio.wait([serving], timeout=_ANSWERS_WITHIN)


def _phones_died(code: int) -> None:
    _log.error("the sandbox's phones died: starting them again", exit_code=code)


async def _main(config: Config) -> int:
    ringback = Ringback(config)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, ringback.stop)
    loop.add_signal_handler(RELOAD, ringback.deck_reader.ask)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {RELOAD})  # the supervisor blocked it until somebody heeds it
    return await ringback.run()


def main() -> int:
    """The server process; `ringback serve` starts it and starts it again."""
    os.umask(0o077)  # what people said, and what was said to them, is nobody else's to read
    config = config_from_parent()
    log.set_up(config.log_level, config.log_format)
    try:
        return uvloop.run(_main(config))
    except (ConfigError, StoreInUse) as fault:
        print(f"ringback: {fault}", file=sys.stderr)
        return BAD_CONFIG
    except (StoreUnavailable, PhonesFailed, SpeechFailed) as fault:
        print(f"ringback: it can't start: {fault}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
