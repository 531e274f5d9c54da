"""A caller's process: it writes down each report that it is given. `collector.py URL USER BOOKMARK OUT`."""

import os
import sys

from ringback_client import Ringback
from tests.journey.server import PASSWORD

url, user, bookmark, out = sys.argv[1:]
written = os.open(out, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
with (
    Ringback(url, user=user, password=PASSWORD) as client,
    client.reports(bookmark, limit=7, wait=1) as reports,
):
    os.write(written, b"begins\n")
    for report in reports:
        os.write(written, report.message_id.encode() + b"\n")
