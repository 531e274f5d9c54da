"""`ringback reload`: the running server takes up a changed rate deck."""

import os
from pathlib import Path

from . import supervisor
from .cli_messages import NobodyThere
from .config import load


def reload(*, data: str | None = None, tariff: str | None = None, config: Path | None = None) -> None:
    """Have the running server read its rate deck anew. One with faults is refused here, with every fault named.

    Parameters
    ----------
    data
        The server's data folder. [default: ./ringback-data]
    tariff
        The rate deck, as the server was told. [default: a sample]
    config
        The server's configuration file.
    """
    found = load({"data": data, "tariff": tariff}, file=config)
    nobody = f"no Ringback is serving {found.data}"
    owner = supervisor.owner(found.data)
    if owner is None:
        raise NobodyThere(nobody)
    try:
        os.kill(owner, supervisor.RELOAD)
    except ProcessLookupError:
        raise NobodyThere(nobody) from None
    print(f"{found.tariff} has no fault: {len(found.deck().rates)} rates")
    print(f"Ringback, process {owner}, was told to read its rate deck anew; its log says that it did")
