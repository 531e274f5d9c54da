"""The rate, the band and the level of the telephone."""

import math
from array import array

import pytest

from ringback.audio.telephone import LEVEL, PEAK, RATE, levelled, resampled

ESPEAK_RATE = 22_050


def tone(hertz: float, amplitude: int, rate: int = RATE, seconds: float = 1.0) -> bytes:
    turns = 2 * math.pi * hertz / rate
    return array("h", [round(amplitude * math.sin(turns * n)) for n in range(int(rate * seconds))]).tobytes()


def decibels(samples: bytes) -> float:
    """Of full scale, the first and last tenth of a second left out: a filter swings in and out there."""
    heard = array("h", samples)[RATE // 10 : -RATE // 10]
    return 10 * math.log10(max(sum(s * s for s in heard) / len(heard), 0.01) / 32768**2)


@pytest.mark.parametrize("hertz", [200, 1000, 3000, 3400])
def test_the_telephones_band_passes_unchanged(hertz: float) -> None:
    before = tone(hertz, 16_000, ESPEAK_RATE)
    after = resampled(before, ESPEAK_RATE)
    assert len(after) / 2 == pytest.approx(RATE, abs=4)
    assert decibels(after) == pytest.approx(decibels(before), abs=0.3)


@pytest.mark.parametrize("hertz", [4100, 4600, 5000, 6500, 8000, 10_500])
def test_what_is_above_the_band_is_gone_and_not_folded_into_it(hertz: float) -> None:
    assert decibels(resampled(tone(hertz, 16_000, ESPEAK_RATE), ESPEAK_RATE)) < -75


@pytest.mark.parametrize("amplitude", [100, 3000, 16_000, 32_767])
def test_soft_and_loud_come_out_equally_loud(amplitude: int) -> None:
    assert decibels(levelled(tone(440, amplitude))) == pytest.approx(LEVEL, abs=0.2)


def test_pauses_do_not_count_for_the_level() -> None:
    speech = tone(440, 3000)
    paused = levelled(speech + bytes(RATE * 2 * 9) + speech)
    assert decibels(paused[: len(speech)]) == pytest.approx(LEVEL, abs=0.2)


def test_a_peak_over_soft_speech_is_not_clipped() -> None:
    spiky = array("h", tone(440, 50))
    spiky[4000], spiky[4001] = 30_000, -32_768
    loudest = max(abs(s) for s in array("h", levelled(spiky.tobytes())))
    assert loudest == pytest.approx(32_767 * PEAK, abs=40)


def test_silence_and_nothing_stay_so() -> None:
    assert levelled(bytes(1600)) == bytes(1600)
    assert levelled(b"") == resampled(b"", ESPEAK_RATE) == b""
