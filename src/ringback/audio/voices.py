"""Which voice speaks: the contract's language, name and gender, looked up among the voices that engines offer."""

from collections.abc import Iterable
from functools import lru_cache

import msgspec

from ringback.model.message import Voice

from .speech import SpeechFailed, VoiceOffer

ESPEAK = "espeak-ng"

_GENDERS = {1: "male", 2: "female"}  # speak_lib.h, espeak_VOICE
_VARIANT = "!v/"
_MUTE = {"gmq/fo", "trk/kaa", "art/xex"}  # listed, but espeakng-loader 0.2.4 has no dictionary for them
_VARIANTS = {  # the clearest of each gender first: they are the first where a language has none
    **{f"!v/f{n}": f"female{n}" for n in (2, 1, 3, 4, 5)},
    **{f"!v/m{n}": f"male{n}" for n in (3, 1, 2, 4, 5, 6, 7, 8)},
}


class _Known(msgspec.Struct, frozen=True, array_like=True):
    """One entry of the speaker's hello."""

    name: str
    identifier: str
    gender: int
    languages: tuple[tuple[int, str], ...]


class EspeakVoices:
    """The voices that espeak-ng has, as the speaker's hello lists them, under names of ours.

    A voice of its own is named by its file (`en-US`), which espeak-ng has not renamed in years, and the variants of
    the language's default `female1` to `female5` and `male1` to `male8`. Other variants are toys.
    """

    def __init__(self, hello: Iterable[object]) -> None:
        known = msgspec.convert(hello, list[_Known])
        self._bases = [voice for voice in known if voice.identifier[:3] != _VARIANT and voice.identifier not in _MUTE]
        there = {voice.identifier: voice for voice in known}
        self._variants = [there[identifier] for identifier in _VARIANTS if identifier in there]
        self._of = lru_cache(1_024)(self._found)

    def of(self, language: str) -> list[VoiceOffer]:
        """The voices of a language (any case), its default first, each variant of that last.

        A region that is not known (`en-au`) is spoken as its language. Empty when there is no such language.
        """
        return list(self._of(language.casefold().replace("_", "-")[:64]))

    def _found(self, language: str) -> tuple[VoiceOffer, ...]:
        bases = self._speakers(language) or self._speakers(language.partition("-")[0])
        if not bases:
            return ()
        return (
            *(_offer(base, base is bases[0]) for base in bases),
            *(_varied(bases[0], variant) for variant in self._variants),
        )

    def _speakers(self, language: str) -> list[_Known]:
        """Best first: espeak-ng's lower number is the better claim, and the identifier decides a tie."""
        claims = [
            (min(priorities), base.identifier, base)
            for base in self._bases
            if (priorities := [p for p, name in base.languages if name.casefold() == language])
        ]
        return [base for *_, base in sorted(claims, key=lambda claim: claim[:2])]


def pick(offers: list[VoiceOffer], language: str, voice: Voice) -> VoiceOffer:
    """The voice asked for: by name (any case), else the first of the gender, else the default.

    A name that is not known here is passed over: programs written for another server ask for its voices, and are to
    be heard all the same. Raises `SpeechFailed` when the language has no voice.
    """
    if not offers:
        raise SpeechFailed(f"there is no language {language!r}")
    wanted = (voice.name or "").casefold()
    named = [offer for offer in offers if wanted and (wanted == offer.name.casefold() or wanted in offer.also)]
    fitting = [offer for offer in offers if offer.gender == voice.gender]
    return (named or fitting or offers)[0]


def _offer(base: _Known, is_default: bool) -> VoiceOffer:
    name = base.identifier.rpartition("/")[2]
    also = (base.name.casefold(), base.identifier.casefold())
    return VoiceOffer(name, _GENDERS.get(base.gender), is_default, base.identifier, ESPEAK, also=also)


def _varied(base: _Known, variant: _Known) -> VoiceOffer:
    short = variant.identifier.removeprefix(_VARIANT)
    name = _VARIANTS[variant.identifier]
    return VoiceOffer(name, _GENDERS.get(variant.gender), False, f"{base.identifier}+{short}", ESPEAK, also=(short,))
