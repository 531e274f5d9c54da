"""GET /docs: a page that says what this server is and how to speak to it."""

from html import escape
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ..model.message import Network

_SAMPLE_NUMBER = "385981178"  # the founding page's; in the sandbox whoever has it presses 1


class Docs:
    """The page, with this server's own address in its examples."""

    def __init__(self, public_url: str, network: Network) -> None:
        page = (files(__package__) / "pages" / "docs.html").read_text("utf-8")
        number = _SAMPLE_NUMBER if network is Network.SANDBOX else "NUMBER"  # whoever copies it phones nobody unasked
        self._page = page.replace("{{public_url}}", escape(public_url)).replace("{{number}}", number)

    async def page(self, _request: Request) -> Response:
        """The page; it says nothing that needs credentials."""
        return HTMLResponse(self._page, headers={"Cache-Control": "no-cache"})
