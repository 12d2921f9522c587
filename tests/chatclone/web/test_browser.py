"""`chatclone --web` in a real browser: a headless Chromium."""

import base64
import os
import sys
from pathlib import Path

import pytest

from tests.chatclone.web.chrome import opened, program
from tests.chatclone.web.running import WELCOME, Served

CHROMIUM = program()
PICTURE = os.environ.get("CHATCLONE_WEB_PICTURE")
"""Where to save a screenshot of the page, for developers."""
F1 = 112


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
@pytest.mark.skipif(sys.platform != "linux", reason="xterm.js tells what is selected on Linux alone")
async def test_the_welcome_is_shown_and_keys_arrive(served: Served) -> None:
    """The first screen is drawn, F1 opens the help, and nothing was loaded from another host."""
    assert CHROMIUM is not None
    async with opened(CHROMIUM, served.url) as page:
        await page.shows("document.activeElement.matches('.xterm-helper-textarea')")
        await page.until(WELCOME)
        await page.until("Ctrl+Q")  # the key bar comes with the chat, after the first paint
        if PICTURE:
            Path(PICTURE).write_bytes(base64.b64decode((await page.call("Page.captureScreenshot"))["data"]))
        await page.press("F1", F1)
        await page.until("Esc closes")
        hosts = await page.value("performance.getEntriesByType('resource').map(e => new URL(e.name).host).join(' ')")
        assert set(hosts.split()) == {served.host}
