"""A child that dies of the word `die`, for the tests of `Child`: it echoes everything else."""

import os
import sys

from ringback.audio import frames


def main() -> None:
    sys.stdout.buffer.write(frames.packed({}))
    sys.stdout.buffer.flush()
    while frame := frames.read(sys.stdin.buffer):
        header, body = frame
        if header.get("die"):
            os._exit(1)
        sys.stdout.buffer.write(frames.packed(header, body))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
