"""Where settings come from, and what is said of wrong ones."""

from decimal import Decimal
from pathlib import Path

import pytest

from ringback.config import Config, load, received
from ringback.model.exceptions import ConfigError
from ringback.model.voice import VoiceFile
from ringback.settings import Address, Trunk

TRUNK = "sip:alice:s3cr%40t@sip.example.com:5070;transport=tcp"


def file_of(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "ringback.toml"
    path.write_text(text)
    return path


def faults(**flags: str) -> str:
    with pytest.raises(ConfigError) as found:
        load(flags, {})
    return str(found.value)


def test_the_defaults() -> None:
    config = load({}, {})
    assert str(config.http) == "127.0.0.1:8080"
    assert config.data == Path.cwd() / "ringback-data"
    assert config.public_url == "http://127.0.0.1:8080"
    assert (config.store, config.trunk, config.demo) == ("sqlite", None, False)
    assert (config.channels, config.retention_hours, config.drain_seconds) == (40, 48, 30)


def test_file_is_weaker_than_environment_is_weaker_than_flags(tmp_path: Path) -> None:
    file = file_of(tmp_path, 'channels = 1\nretention_hours = 1\ndrain_seconds = 1\nhttp = "127.0.0.1:1"')
    environment = {"RINGBACK_RETENTION_HOURS": "2", "RINGBACK_DRAIN_SECONDS": "2", "RINGBACK_HTTP": ""}
    config = load({"drain_seconds": "3", "channels": None}, environment, file)
    assert (config.channels, config.retention_hours, config.drain_seconds) == (1, 2, 3)
    assert config.http.port == 1, "an empty variable counts as absent"


def test_the_file_may_be_named_by_the_environment_and_its_paths_start_in_its_folder(tmp_path: Path) -> None:
    file = file_of(tmp_path, 'data = "kept"\ndemo = true')
    config = load({}, {"RINGBACK_CONFIG": str(file)})
    assert config.data == tmp_path / "kept"
    assert config.demo


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    file = file_of(tmp_path, "chanels = 3\nchannels = 0\ndemo = [1]")
    with pytest.raises(ConfigError) as found:
        load({"http": "nowhere"}, {"RINGBACK_LOG_LEVEL": "loud"}, file)
    lines = str(found.value).splitlines()
    assert len(lines) == 5
    assert "'chanels'" in lines[0]
    assert "did you mean 'channels'?" in lines[0]
    assert "demo" in lines[1]
    assert lines[2].startswith("channels in ")
    assert "RINGBACK_LOG_LEVEL" in lines[4] or "RINGBACK_LOG_LEVEL" in lines[3]


@pytest.mark.parametrize("text", ["= 3", None])
def test_a_file_that_can_not_be_read_is_a_fault(tmp_path: Path, text: str | None) -> None:
    file = file_of(tmp_path, text) if text else tmp_path / "absent"
    with pytest.raises(ConfigError, match="can't be read"):
        load({}, {}, file)


@pytest.mark.parametrize(
    ("text", "address", "url"),
    [
        ("[::1]:8080", Address("::1", 8080), "http://[::1]:8080"),
        ("localhost:1", Address("127.0.0.1", 1), "http://127.0.0.1:1"),
        ("0.0.0.0:80", Address("0.0.0.0", 80), "http://127.0.0.1:80"),
    ],
)
def test_addresses(text: str, address: Address, url: str) -> None:
    config = load({"http": text}, {})
    assert (config.http, config.public_url) == (address, url)


@pytest.mark.parametrize("text", ["8080", "::1:8080", "127.0.0.1:0", "127.0.0.1:70000", "example.com:80", ""])
def test_what_is_no_address(text: str) -> None:
    assert faults(http=text).startswith("http in --http: ")


@pytest.mark.parametrize("text", ["ftp://x", "https://", "https://a:b@c", "https://x/?y", "https://x y", "x"])
def test_what_is_no_public_url(text: str) -> None:
    assert "public_url in --public-url" in faults(public_url=text)


def test_a_public_url_loses_its_last_slash() -> None:
    assert load({"public_url": "https://x.example/voice/"}, {}).public_url == "https://x.example/voice"


def test_private_networks_that_urls_may_reach() -> None:
    assert load({}, {}).private_urls == load({"private_urls": "none"}, {}).private_urls == ()
    config = load({"private_urls": "10.1.0.0/16, fd00:1::/32,127.0.0.1"}, {})
    assert config.private_urls == ("10.1.0.0/16", "fd00:1::/32", "127.0.0.1/32")
    assert received(config.line()) == config


def test_every_network_that_is_none_is_named() -> None:
    found = faults(private_urls="10.1.2.3/16,10.0.0.0/8,localhost,,none")
    assert found.startswith("private_urls in --private-urls: '10.1.2.3/16' names one host of a network; ")
    assert "the network is 10.1.0.0/16; 'localhost' is not a network" in found
    assert found.count("not a network") == 3


def test_a_trunk_and_what_it_leaves_out() -> None:
    assert load({"trunk": TRUNK}, {}).trunk == Trunk("sip.example.com", 5070, "tcp", "alice", "s3cr@t")
    assert load({"trunk": "sip:pbx"}, {}).trunk == Trunk("pbx", 5060, "udp")
    assert load({"trunk": "sip:[::1];transport=tls"}, {}).trunk == Trunk("::1", 5061, "tls")
    assert load({"trunk": "sandbox"}, {}).trunk is None


@pytest.mark.parametrize(
    "text",
    [
        "sip:a:s3cret@",
        "a:s3cret@host",
        "sip:a:s3cret@h:0",
        "sip:a:s3cret%0d%0a@h",
        "sip:a:s3cret@h;transport=x",
    ],
)
def test_a_trunk_password_is_in_no_fault(text: str) -> None:
    assert "s3cret" not in faults(trunk=text)


def test_a_trunk_password_is_in_no_repr() -> None:
    config = load({"trunk": TRUNK}, {})
    assert "s3cr" not in repr(config) + str(config.trunk) + f"{config.trunk!r}"
    assert "alice@sip.example.com:5070" in repr(config)


def test_postgresql_is_refused_for_now_without_its_password() -> None:
    said = faults(store="postgresql://me:s3cret@db/ringback")
    assert "PostgreSQL is not built yet" in said
    assert "s3cret" not in said


def test_the_demonstration_is_for_the_loopback_and_the_sandbox() -> None:
    assert load({"demo": True, "http": "[::1]:8080"}, {}).demo
    said = faults(demo="true", http="0.0.0.0:8080", trunk="sip:pbx")
    assert "bound to the loopback" in said
    assert "trunk must be sandbox" in said


def test_the_sample_deck_has_the_founding_page_s_number() -> None:
    deck = load({}, {}).deck()
    founding, anybody = deck.rate("385981178"), deck.rate("99912345")
    assert founding
    assert (founding.mcc_mnc, founding.per_second, founding.currency) == ("21901", Decimal("0.01"), "EUR")
    assert anybody
    assert anybody.mcc_mnc is None


def test_a_deck_that_can_not_be_used_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "deck.csv").write_text("prefix\n")
    assert "line 1" in faults(tariff=str(tmp_path / "deck.csv"))
    assert "can't be read" in faults(tariff=str(tmp_path / "absent.csv"))


def test_it_goes_through_the_pipe_whole(tmp_path: Path) -> None:
    lists = {"trusted_proxies": "10.0.0.0/8", "cors_origins": "https://a.example"}
    config = load({"trunk": TRUNK, "data": str(tmp_path), **lists}, {})
    line = config.line()
    assert line.count(b"\n") == 1
    assert received(line) == config
    assert isinstance(received(line), Config)


def test_the_operators_voices(tmp_path: Path) -> None:
    beside = '{"audio": {"sample_rate": 22050}, "phoneme_id_map": {"a": [1]}}'
    for name in ("joe.onnx", "eva.onnx"):
        (tmp_path / name).write_bytes(b"")
        (tmp_path / f"{name}.json").write_text(beside)
    file = file_of(tmp_path, 'piper = "en=joe.onnx, DE_at:female=eva.onnx"')
    config = load({}, {}, file)
    voices = (VoiceFile("en", tmp_path / "joe.onnx"), VoiceFile("de-at", tmp_path / "eva.onnx", "female"))
    assert config.piper == voices
    assert received(config.line()).piper == voices
    assert load({"piper": "none"}, {}, file).piper == ()


def test_a_voice_that_can_not_speak_is_a_fault(tmp_path: Path) -> None:
    alone, wrong = tmp_path / "alone.onnx", tmp_path / "wrong.onnx"
    for path in (alone, wrong):
        path.write_bytes(b"")
    Path(f"{wrong}.json").write_text('{"audio": {}}')
    told = faults(piper=f"en={tmp_path}/missing.onnx,en={alone},en={wrong}").splitlines()
    assert told == [
        f"piper: there is no file {tmp_path}/missing.onnx",
        f"piper: there is no file {alone}.json",
        f"piper: {wrong}.json does not describe a voice of Piper's",
    ]
    assert "is not LANGUAGE=FILE" in faults(piper="joe.onnx")
    assert "is not LANGUAGE=FILE" in faults(piper="en:neuter=joe.onnx")


def test_without_piper_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringback.config.find_spec", lambda _name: None)
    assert "pip install 'ringback[piper]'" in faults(piper=f"en={tmp_path}/joe.onnx")


def test_proxies_are_addresses_and_networks(tmp_path: Path) -> None:
    file = file_of(tmp_path, 'trusted_proxies = ["10.0.0.0/8", "2001:db8::1"]')
    assert load({}, {}, file).trusted_proxies == ("10.0.0.0/8", "2001:db8::1/128")
    assert load({}, {"RINGBACK_TRUSTED_PROXIES": "127.0.0.1, 10.1.0.0/16"}).trusted_proxies == (
        "127.0.0.1/32",
        "10.1.0.0/16",
    )
    assert load({}, {}).trusted_proxies == ()
    empty = file_of(tmp_path, "trusted_proxies = []\ncors_origins = []\nprivate_urls = []")
    config = load({}, {}, empty)
    assert config.trusted_proxies == config.cors_origins == config.private_urls == ()
    assert load({"cors_origins": "none", "trusted_proxies": "none"}, {}).cors_origins == ()


@pytest.mark.parametrize("text", ["proxy.example.com", "10.0.0.1/8", "10.0.0.0/99", "*"])
def test_what_is_no_proxy(text: str) -> None:
    assert "trusted_proxies in --trusted-proxies: " in faults(trusted_proxies=text)


@pytest.mark.parametrize("line", ["trusted_proxies = [1]", "cors_origins = 3.5", 'http = ["127.0.0.1:1"]'])
def test_lists_are_for_lists_of_strings(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError, match=r"must be a string"):
        load({}, {}, file_of(tmp_path, line))
