"""The voices of a language, by the client."""

from pathlib import Path

import pytest

from ringback_client import Message, NotFound, Ringback


def test_a_listed_voice_speaks(client: Ringback, tmp_path: Path) -> None:
    voices = client.voices("en")
    assert [voice.is_default for voice in voices] == [True] + [False] * (len(voices) - 1)
    assert {voice.gender for voice in voices} >= {"male", "female"}
    assert client.voices("en", include_neural=False) == voices  # no Piper voice is named here
    client.send(*[Message("41799100213", "Hi", voice=voice) for voice in (voices[0], voices[-1])])
    with client.reports(tmp_path / "bookmark", wait=10) as reports:
        assert {next(reports).error.name for _ in range(2)} == {"VOICE_ANSWERED"}


def test_a_language_that_is_not_spoken(client: Ringback) -> None:
    with pytest.raises(NotFound, match="not spoken"):
        client.voices("tlh")
