"""The operator's own voices: files of Piper's."""

import re
from pathlib import Path

import msgspec

_FILE_NAME = re.compile(r"[a-z]{2,3}_[A-Z]{2}-(?P<name>[^-]+)-[^-]+")  # en_US-joe-medium, as Piper's voices are called


class VoiceFile(msgspec.Struct, frozen=True):
    """A voice file for a language (lower case), with the gender that the operator says it has, if any."""

    language: str
    path: Path
    gender: str | None = None

    @property
    def name(self) -> str:
        """What a request asks for it by: `joe` of en_US-joe-medium.onnx, else the file's own name."""
        found = _FILE_NAME.fullmatch(self.path.stem)
        return found["name"] if found else self.path.stem
