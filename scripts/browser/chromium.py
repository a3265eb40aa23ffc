"""Debian's Chromium, without a window, driven by Selenium."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.wait import WebDriverWait

T = TypeVar("T")

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# As root, as in a container, Chromium has no sandbox; it opens pages of this machine only. It asks nobody for updates.
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> tuple[str, str]:
    """Return the paths of browser and driver; where one is missing, say how to install it, and end."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    driver = shutil.which("chromedriver")
    if program and driver:
        return program, driver
    sys.exit(
        f"This needs {'chromedriver' if program else 'Chromium'}, which is not installed here. On Debian and Ubuntu:\n"
        "  apt-get update && apt-get install --yes chromium chromium-driver"
    )


@contextmanager
def open_chromium(width: int = 1300, height: int = 1900) -> Iterator[WebDriver]:
    """Open a browser with an empty profile; what it leaves is removed.

    :param width: of the window, in pixels.
    :param height: of the window, in pixels.
    """
    program, driver = find_chromium()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = program
        for flag in (*_FLAGS, f"--window-size={width},{height}", f"--user-data-dir={profile}"):
            options.add_argument(flag)
        browser = webdriver.Chrome(options=options, service=Service(driver))
        try:
            yield browser
        finally:
            browser.quit()


def wait_until(browser: WebDriver, condition: Callable[[], T], what: str, seconds: float = 60) -> T:
    """Wait until a condition holds, and return its result.

    :param what: what is waited for, in words for the error.
    """
    wait = WebDriverWait(browser, seconds, poll_frequency=0.1, ignored_exceptions=[StaleElementReferenceException])
    try:
        return wait.until(lambda _: condition())
    except TimeoutException:
        raise TimeoutError(f"{browser.current_url}: waited {seconds:g} seconds in vain for {what}") from None


def save_screenshot(browser: WebDriver, path: Path) -> None:
    """Save a picture of what the window shows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    browser.save_screenshot(str(path))
