"""`chatclone --web` in a true browser: a headless Chromium."""

import base64
import os
import sys
from pathlib import Path

import pytest

from tests.chatclone.web.chrome import opened, program
from tests.chatclone.web.running import WELCOME, Served

CHROMIUM = program()
PICTURE = os.environ.get("CHATCLONE_WEB_PICTURE")
"""Where a developer who wants to look has the page's picture saved."""
F1 = 112


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
@pytest.mark.skipif(sys.platform != "linux", reason="xterm.js tells what is selected on Linux alone")
async def test_the_welcome_is_shown_and_keys_arrive(served: Served) -> None:
    """The text of the first screen can be selected in the page, F1 opens the help, and nothing came from elsewhere."""
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
