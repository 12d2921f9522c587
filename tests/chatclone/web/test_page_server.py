"""`chatclone --web` over HTTP and websockets: access, the page, and processes that end."""

import http.client
import re
import signal
from pathlib import Path

import aiohttp
import psutil  # type: ignore[import-untyped]  # it brings no types
import pytest

from chatclone.errors import ChatcloneError, UsageError
from chatclone.web.page_server import ADDRESS, listening
from tests.chatclone.web.running import WAIT_SECONDS, WELCOME, Served, closed, drawn_until, serving

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
CTRL_Q = "\x11"


def ask(served: Served, path: str, **headers: str) -> tuple[int, http.client.HTTPMessage, str]:
    """Return status, headers and body of a request."""
    connection = http.client.HTTPConnection(served.host, timeout=WAIT_SECONDS)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    body = answer.read() if answer.status != 101 else b""
    connection.close()
    return answer.status, answer.headers, body.decode("utf-8", "replace")


class TestDoor:
    """Requests without the token, with a foreign Host or a foreign Origin are refused."""

    @pytest.mark.parametrize("path", ["/", "/ws", "/static/js/textual.js", "/page.js", "/nonsense/", "/nonsense/ws"])
    def test_without_the_token(self, served: Served, path: str) -> None:
        """Page, script and websocket need the token."""
        assert ask(served, path)[0] == 403
        assert ask(served, path, **UPGRADE)[0] == 403

    @pytest.mark.parametrize("below", ["", "ws", "page.js"])
    @pytest.mark.parametrize(
        "headers",
        [
            {"Host": "rebound.example"},
            {"Host": "127.0.0.1"},
            {"Origin": "http://other.example"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:1"},
        ],
    )
    def test_from_elsewhere(self, served: Served, below: str, headers: dict[str, str]) -> None:
        """A foreign Host or Origin is refused even with the token."""
        assert ask(served, served.path + below, **headers, **UPGRADE)[0] == 403

    def test_part_of_the_token(self, served: Served) -> None:
        """Part of the token, or another path to it, is refused."""
        token = served.path.strip("/")
        for path in (f"/{token[:-1]}/", f"/{token}x/", f"/x/../{token[:5]}/", f"//{token}/ws", f"/?{token}"):
            assert ask(served, path)[0] == 403


class TestPage:
    """The page."""

    def test_everything_comes_from_here(self, served: Served) -> None:
        """All addresses in the page are relative and exist, and the policy forbids others."""
        status, headers, page = ask(served, served.path)
        assert status == 200
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "://" not in page
        named = set(re.findall(r'(?:src|href)="([^"]+)"|url\("([^"]+)"\)', page))
        addresses = {one or other for one, other in named} - {"data:,"}
        assert {address.rpartition(".")[2] for address in addresses} == {"js", "css", "ttf"}
        for address in addresses:
            assert ask(served, served.path + address)[0] == 200

    def test_the_address_of_localhost(self, served: Served) -> None:
        """`localhost` is accepted."""
        assert ask(served, served.path, Host=served.host.replace(ADDRESS, "localhost"))[0] == 200


class TestWindow:
    """The app in a window."""

    async def test_from_first_screen_to_quit(self, served: Served) -> None:
        """The welcome is drawn; unknown messages are ignored; a second window closes the first; Ctrl+Q quits."""
        async with aiohttp.ClientSession() as browser:
            first = await browser.ws_connect(f"{served.url}ws?width=100&height=30")
            await first.send_json(["nonsense", {}])
            await first.send_json({"stdin": 1})
            await first.send_str("not JSON")
            await drawn_until(first, WELCOME)
            assert len(psutil.Process(served.process.pid).children(recursive=True)) == 1
            second = await browser.ws_connect(f"{served.url}ws?width=x&height=-1")
            assert await closed(first)
            await drawn_until(second, WELCOME)
            (app,) = psutil.Process(served.process.pid).children(recursive=True)
            await second.send_json(["stdin", CTRL_Q])
            assert await closed(second)
            async with browser.get(f"{served.url}failure") as answer:
                assert await answer.text() == ""
        assert psutil.wait_procs([app], WAIT_SECONDS)[1] == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
async def test_nothing_stays_behind(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """The app ends when the server ends, also when it was killed."""
    with serving(tmp_path / "home", tmp_path / "log") as served:
        async with aiohttp.ClientSession() as browser:
            window = await browser.ws_connect(f"{served.url}ws")
            await drawn_until(window, WELCOME)
            (app,) = psutil.Process(served.process.pid).children(recursive=True)
            served.process.send_signal(number)
            assert await closed(window)
            assert served.process.wait(WAIT_SECONDS) == code
        assert psutil.wait_procs([app], WAIT_SECONDS)[1] == []


async def test_an_app_that_cannot_open(tmp_path: Path) -> None:
    """Its window is closed, and the error is printed to stderr."""
    with serving(tmp_path / "home", tmp_path / "log") as served:
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / "config.toml").write_text("nonsense", "utf-8")
        async with aiohttp.ClientSession() as browser:
            assert await closed(await browser.ws_connect(f"{served.url}ws"))
            async with browser.get(f"{served.url}failure") as answer:
                assert "stopped with an error" in await answer.text()
    said = (tmp_path / "log").read_text("utf-8")
    assert "config.toml is not valid TOML" in said
    assert "\ntry: " in said


def test_a_port_that_is_taken() -> None:
    """A port in use and an invalid port are errors."""
    with listening(0) as taken:
        with pytest.raises(ChatcloneError, match="cannot listen on port") as caught, listening(taken.getsockname()[1]):
            pass
        assert "--port" in caught.value.hint
    with pytest.raises(UsageError), listening(70_000):
        pass
