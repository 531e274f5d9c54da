"""Which voice speaks: the contract's language, name and gender, looked up among espeak-ng's voices."""

from collections.abc import Iterable, Sequence

import msgspec

from ringback.model.message import Voice

from .speech import SpeechFailed

_GENDERS = {1: "male", 2: "female"}  # speak_lib.h, espeak_VOICE
_VARIANT = "!v/"
_FIRST_VARIANTS = ("!v/f2", "!v/m3")  # the clearest of each gender: the first where a language has none


class VoiceOffer(msgspec.Struct, frozen=True):
    """A voice that a language can be spoken with. `key` is what espeak-ng calls it; names are for people."""

    name: str
    gender: str | None
    is_default: bool
    key: str


class _Known(msgspec.Struct, frozen=True, array_like=True):
    """One entry of the speaker's hello."""

    name: str
    identifier: str
    gender: int
    languages: tuple[tuple[int, str], ...]


class Voices:
    """The voices that espeak-ng has, as the speaker's hello lists them."""

    def __init__(self, hello: Iterable[object]) -> None:
        known = msgspec.convert(hello, list[_Known])
        self._bases = [voice for voice in known if not voice.identifier.startswith(_VARIANT)]
        variants = [voice for voice in known if voice.identifier.startswith(_VARIANT)]
        self._variants = sorted(variants, key=_variant_order)

    def of(self, language: str) -> list[VoiceOffer]:
        """The voices of a language (any case), its default first, each espeak-ng variant of that last.

        A region that is not known (`en-au`) is spoken as its language. Empty when there is no such language.
        """
        wanted = language.casefold().replace("_", "-")
        bases = self._speakers(wanted) or self._speakers(wanted.partition("-")[0])
        if not bases:
            return []
        return [
            *(VoiceOffer(base.name, _GENDERS.get(base.gender), base is bases[0], base.identifier) for base in bases),
            *(_varied(bases[0], variant) for variant in self._variants),
        ]

    def pick(self, language: str, voice: Voice) -> VoiceOffer:
        """The voice asked for: by name (any case), else the first of the gender, else the default.

        Raises `SpeechFailed` when there is none.
        """
        offers = self.of(language)
        if not offers:
            raise SpeechFailed(f"there is no language {language!r}")
        if voice.name is not None:
            return _first(f"voice {voice.name!r}", language, _named(offers, voice.name))
        if voice.gender is not None:
            fitting = [offer for offer in offers if offer.gender == voice.gender]
            return _first(f"{voice.gender} voice", language, fitting)
        return offers[0]

    def _speakers(self, language: str) -> list[_Known]:
        """Best first: espeak-ng's lower number is the better claim, and its own order decides a tie."""
        claims = [
            (min(priorities), place)
            for place, base in enumerate(self._bases)
            if (priorities := [p for p, name in base.languages if name.casefold() == language])
        ]
        return [self._bases[place] for _, place in sorted(claims)]


def _first(what: str, language: str, fitting: Sequence[VoiceOffer]) -> VoiceOffer:
    if not fitting:
        raise SpeechFailed(f"there is no {what} for the language {language!r}")
    return fitting[0]


def _named(offers: Sequence[VoiceOffer], name: str) -> list[VoiceOffer]:
    """By its name, or by what espeak-ng calls it: `English (America)`, `gmw/en-US`, `female2`, `f2`."""
    wanted = name.casefold()
    if not wanted:
        return []
    return [
        offer
        for offer in offers
        if wanted in (offer.name.casefold(), offer.key.casefold(), offer.key.casefold().partition("+")[2])
    ]


def _varied(base: _Known, variant: _Known) -> VoiceOffer:
    key = f"{base.identifier}+{variant.identifier.removeprefix(_VARIANT)}"
    return VoiceOffer(variant.name, _GENDERS.get(variant.gender), False, key)


def _variant_order(variant: _Known) -> tuple[bool, str]:
    return variant.identifier not in _FIRST_VARIANTS, variant.identifier
