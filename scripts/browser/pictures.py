"""Pictures of filled connection forms, small enough for the documentation."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from selenium.webdriver.remote.webdriver import WebDriver

from browser.airflow_ui import AirflowUi
from browser.form_page import form_page

_COLOURS = 64


def save_form(
    browser: WebDriver, airflow: AirflowUi, conn_type: str, path: Path, *, hook_name: str, fields: Mapping[str, str]
) -> None:
    """Save a picture of the form for a new connection, cut to the form. Nothing is stored.

    :param hook_name: the connection type as the list of types names it.
    :param fields: texts to fill in, by the names that fields have in the connection.
    """
    page = form_page(browser, airflow, conn_type)
    page.open_new(f"{conn_type}_default", hook_name)
    page.fill(fields)
    browser.execute_script("document.activeElement.blur()")
    picture = Image.open(io.BytesIO(page.whole().screenshot_as_png)).convert("RGB")
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
