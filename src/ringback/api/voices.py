"""GET /tts/3/voices/{language}: the voices that a language is spoken with. Source: contract section 1."""

from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response

from ..audio.speech import Speech, VoiceOffer
from .auth import Authenticator
from .checks import flag_of
from .errors import bad_request, not_acceptable, not_found
from .messages import authorization_of
from .negotiation import wants
from .question import parameters
from .rendering import answered

VOICES = "/tts/3/voices/{language}"


class Voices:
    """The endpoint. It lists what `voice.name` takes, the default first."""

    def __init__(self, speech: Speech, authenticator: Authenticator) -> None:
        self._speech = speech
        self._authenticator = authenticator
        self.speak = lru_cache(1_024)(self._speaks)  # a request asks once for each of its messages

    def _speaks(self, language: str) -> bool:
        """Whether the language has a voice."""
        return bool(self._speech.voices(language))

    async def listed(self, request: Request) -> Response:
        """The voices of a language, 404 when it is not spoken here. `includeNeural=false` leaves Piper's out."""
        await self._authenticator.account(authorization_of(request))
        form = wants(request.headers.get("accept"))
        if form is None:
            raise not_acceptable()
        neural_too = _neural_too(request)
        offers = self._speech.voices(request.path_params["language"])
        if not offers:
            raise not_found("This language is not spoken here")
        listed = [_listed(offer) for offer in offers if neural_too or not offer.is_neural]
        return answered("voicesResponse", {"voices": listed}, form)


def _neural_too(request: Request) -> bool:
    """`includeNeural`, true unless it is said."""
    given = parameters(request.scope["query_string"]).get("includeNeural")
    if given is None:
        return True
    flag = flag_of(given)
    if flag is None:
        raise bad_request({"includeNeural": ["must be true or false"]})
    return flag


def _listed(offer: VoiceOffer) -> dict[str, object]:
    listed = {
        "name": offer.name,
        "gender": offer.gender,
        "isDefault": offer.is_default,
        "isNeural": offer.is_neural,
        "supplier": offer.engine,
        "ssmlSupported": False,
    }
    return {name: value for name, value in listed.items() if value is not None}
