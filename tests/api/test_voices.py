"""GET /tts/3/voices/{language}, and what a send says of languages and voices."""

from typing import Any

import pytest
from infobip_api_client.models.calls_get_voices_response import CallsGetVoicesResponse

from tests.api.house import House, faults


async def test_the_voices_of_a_language(house: House) -> None:
    answer = await house.client.get("/tts/3/voices/en-us/")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    joe = {"name": "joe", "isDefault": True, "isNeural": True, "supplier": "Piper", "ssmlSupported": False}
    assert answer.json()["voices"] == [
        joe,
        {
            "name": "en",
            "gender": "male",
            "isDefault": False,
            "isNeural": False,
            "supplier": "espeak-ng",
            "ssmlSupported": False,
        },
    ]
    read = CallsGetVoicesResponse.from_dict(answer.json())
    assert read
    assert read.voices
    assert [voice.name for voice in read.voices] == ["joe", "en"]


@pytest.mark.parametrize(("query", "names"), [("", 2), ("?includeNeural=", 2), ("?includeNeural=true", 2)])
async def test_neural_voices_are_listed_unless_they_are_left_out(house: House, query: str, names: int) -> None:
    assert len((await house.client.get(f"/tts/3/voices/en{query}")).json()["voices"]) == names
    without = (await house.client.get("/tts/3/voices/en?includeNeural=False")).json()["voices"]
    assert [voice["name"] for voice in without] == ["en"]


async def test_as_xml(house: House) -> None:
    answer = await house.client.get("/tts/3/voices/de?includeNeural=0", headers={"Accept": "application/xml"})
    assert answer.text == (
        "<voicesResponse><voices><voice><name>de</name><gender>male</gender><isDefault>false</isDefault>"
        "<isNeural>false</isNeural><supplier>espeak-ng</supplier><ssmlSupported>false</ssmlSupported></voice></voices>"
        "</voicesResponse>"
    )


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/tts/3/voices/xx", {}, 404),
        ("GET", "/tts/3/voices/", {}, 404),
        ("GET", "/tts/3/voices/..%2F..", {}, 404),
        ("GET", "/tts/3/voices/en?includeNeural=perhaps", {}, 400),
        ("GET", "/tts/3/voices/en", {"Accept": "image/png"}, 406),
        ("GET", "/tts/3/voices/en", {"Authorization": "App wrong"}, 401),
        ("POST", "/tts/3/voices/en", {}, 405),
    ],
)
async def test_what_is_refused(house: House, method: str, path: str, headers: dict[str, str], status: int) -> None:
    answer = await house.client.request(method, path, headers=headers)
    assert answer.status_code == status
    assert "serviceException" in answer.json()["requestError"]


async def test_a_language_that_is_not_spoken_is_refused_by_name(house: House) -> None:
    answer = await house.send("single", {"to": "385981", "text": "hi", "language": "xx"})
    assert faults(answer) == {"language": ["is not spoken here: see GET /tts/3/voices/xx"]}
    messages: list[dict[str, Any]] = [
        {"to": ["385981"], "text": "hi", "language": language} for language in ("de", "xx", "en-AU", "yy")
    ]
    named = faults(await house.send("multi", {"messages": messages}))
    assert sorted(named) == ["messages[1].language", "messages[3].language"]
    messages = [{"destinations": [{"to": "385981"}], "text": "hi", "language": "xx", "pause": 11}]
    named = faults(await house.send("advanced", {"messages": messages}))
    assert sorted(named) == ["messages[0].language", "messages[0].pause"]
    assert await house.kept() == []


async def test_a_file_has_no_language_to_be_spoken(house: House) -> None:
    url = "https://files.example.com/a.mp3"
    answer = await house.send("single", {"to": "385981", "audioFileUrl": url, "language": "xx"})
    assert answer.status_code == 200


async def test_a_voice_of_another_server_is_no_fault(house: House) -> None:
    body = {"to": "385981", "text": "hi", "voice": {"name": "Joanna", "gender": "female"}}
    assert (await house.send("single", body)).status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        "<speak>hello</speak>",
        "\n <?xml version='1.0'?><speak version='1.1'>hello",
        "hello <break time='2s'/> world",
        "hello <break/>",
        "<prosody rate='slow'>hello</prosody>",
        "in <say-as interpret-as='date'>1.2.2026</say-as>",
        "<p>hello</p>",
    ],
)
async def test_ssml_is_refused_with_the_reason(house: House, text: str) -> None:
    (reason,) = faults(await house.send("single", {"to": "385981", "text": text}))["text"]
    assert reason.startswith("holds SSML")


@pytest.mark.parametrize(
    "text", ["1 < 2", "a <b> c", "press <1>", "<speaker> on", "if a <s> b", "1 <break 2", "<sub> way", "I <3 you/>"]
)
async def test_a_plain_less_than_sign_is_text(house: House, text: str) -> None:
    assert (await house.send("single", {"to": "385981", "text": text})).status_code == 200
