"""The page of one connection's form, by field: filled in, read, saved. One class for each line of Airflow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement

from browser.airflow_ui import AirflowUi
from browser.chromium import save_screenshot, wait_until

STANDARD_FIELDS = ("description", "host", "login", "password", "schema", "port")

# As a person pastes: a one-line field drops line breaks. The page's own code is told as the keyboard tells it.
_PASTE = "arguments[0].focus(); arguments[0].select(); document.execCommand('insertText', false, arguments[1]);"

# Opens all of a dialog's sections but the last, which has the extra fields once more; at once, without animation.
_OPEN_ALL = """
const style = document.createElement('style');
style.textContent = '*, *::before, *::after { animation: none !important; transition: none !important }';
document.head.append(style);
for (const content of [...arguments[0].querySelectorAll('[data-part=item-content]')].slice(0, -1)) {
    content.hidden = false;
    content.dataset.state = 'open';
    content.style.height = 'auto';
    content.style.display = 'block';
}
"""


class FormPage(ABC):
    """A connection's form. Fields go by the names they have in the connection: ``host``, or a key of the extra.

    :param conn_type: whose form this is.
    """

    def __init__(self, browser: WebDriver, airflow: AirflowUi, conn_type: str) -> None:
        self.browser = browser
        self.airflow = airflow
        self.conn_type = conn_type

    @abstractmethod
    def open_new(self, conn_id: str, hook_name: str) -> None:
        """Open the form for a new connection.

        :param hook_name: the connection type as the list of types names it.
        """

    @abstractmethod
    def open_stored(self, conn_id: str) -> None:
        """Open the form of a connection that is stored."""

    @abstractmethod
    def find(self, name: str) -> WebElement:
        """Return a field's input, on the page and ready to be typed into."""

    @abstractmethod
    def save(self) -> None:
        """Save, and wait until Airflow has said that it did."""

    @abstractmethod
    def save_pictures(self, path: Path) -> None:
        """Save a picture of each part of the form; the parts' names are added to the file's."""

    @abstractmethod
    def press_test(self, conn_id: str) -> str:
        """Press the button that tests the connection, and return what the page says.

        Airflow 2 tests what is filled in, Airflow 3 what is stored.
        """

    @abstractmethod
    def whole(self) -> WebElement:
        """Return the whole form, with each of its fields in sight."""

    @abstractmethod
    def has_asterisk(self, name: str) -> bool:
        """Say whether a field is marked as one that must be filled in."""

    @abstractmethod
    def read_words(self, name: str) -> list[str]:
        """Return the words that a drop-down offers; none for another field."""

    @abstractmethod
    def can_save(self) -> bool:
        """Say whether the form lets itself be saved as it is now."""

    def fill(self, fields: Mapping[str, str]) -> None:
        """Put texts into fields, in place of what is there."""
        for name, text in fields.items():
            self.browser.execute_script(_PASTE, self.find(name), text)

    def read(self, name: str) -> str:
        """Return what a field shows."""
        return self.find(name).get_attribute("value") or ""

    def _text_of(self, selector: str) -> str:
        return " ".join(each.text for each in self.browser.find_elements(By.CSS_SELECTOR, selector))


class Airflow2FormPage(FormPage):
    """A page of its own, made by the server."""

    def open_new(self, conn_id: str, hook_name: str) -> None:
        self._open(f"{self.airflow.url}/connection/add")
        self.fill({"conn_id": conn_id})
        self.browser.execute_script("$('#conn_type').val(arguments[0]).trigger('change')", self.conn_type)

    def open_stored(self, conn_id: str) -> None:
        self._open(f"{self.airflow.url}/connection/list/?_flt_3_conn_id={conn_id}")
        link = self.browser.find_element(By.CSS_SELECTOR, "a[href*='/connection/edit/']")
        self._open(str(link.get_attribute("href")))

    def find(self, name: str) -> WebElement:
        standard = (*STANDARD_FIELDS, "conn_id")
        return self.browser.find_element(By.ID, name if name in standard else f"extra__{self.conn_type}__{name}")

    def save(self) -> None:
        page = self.browser.find_element(By.TAG_NAME, "html")
        self._button().click()
        wait_until(self.browser, lambda: page != self.browser.find_element(By.TAG_NAME, "html"), "the next page")
        body = self.browser.find_element(By.TAG_NAME, "body").text
        if "Added Row" not in body and "Changed Row" not in body:
            raise AssertionError(f"{self.browser.current_url}: the form was not saved.\n{body}")

    def save_pictures(self, path: Path) -> None:
        save_screenshot(self.browser, path)

    def press_test(self, conn_id: str) -> str:
        self.browser.find_element(By.ID, "test-connection").click()
        return wait_until(
            self.browser, lambda: self._text_of(".alert-success, .alert-danger, .alert-error"), "a result"
        )

    def whole(self) -> WebElement:
        return self.browser.find_element(By.ID, "model_form")

    def has_asterisk(self, name: str) -> bool:
        return (
            "*"
            in self.browser.find_element(By.CSS_SELECTOR, f"label[for='{self.find(name).get_attribute('id')}']").text
        )

    def read_words(self, name: str) -> list[str]:
        return []

    def can_save(self) -> bool:
        return bool(self.browser.execute_script("return document.getElementById('model_form').checkValidity()"))

    def _open(self, url: str) -> None:
        self.browser.get(url)
        wait_until(
            self.browser, lambda: self.browser.execute_script("return document.readyState") == "complete", "the page"
        )

    def _button(self) -> WebElement:
        return self.browser.find_element(By.CSS_SELECTOR, "#model_form button[type=submit]")


class Airflow3FormPage(FormPage):
    """A dialog with sections, of which one at a time is open."""

    def open_new(self, conn_id: str, hook_name: str) -> None:
        self._open_list()
        wait_until(self.browser, lambda: self._button("Add Connection"), "a button").click()
        wait_until(self.browser, self._dialog, "the form")
        self.browser.find_element(By.NAME, "connection_id").send_keys(conn_id)
        wait_until(
            self.browser,
            lambda: self._dialog().find_element(By.CSS_SELECTOR, "input[role=combobox]:not([disabled])"),
            "the connection types",
        ).send_keys(hook_name, Keys.ENTER)
        wait_until(self.browser, self._sections, "the fields")

    def open_stored(self, conn_id: str) -> None:
        self._open_list()
        row = wait_until(self.browser, lambda: self._row(conn_id), f"the connection {conn_id}")
        row.find_element(By.CSS_SELECTOR, "button[aria-label='Edit Connection']").click()
        wait_until(self.browser, self._sections, "the form")

    def find(self, name: str) -> WebElement:
        if name in STANDARD_FIELDS:
            found = self._dialog().find_element(By.NAME, name)
        else:
            found = self._dialog().find_element(
                By.CSS_SELECTOR,
                f"input[id='element_{name}'], [id='number-input:element_{name}'] input, [id='element_{name}'] input",
            )
        self._open_section_of(found)
        return found

    def fill(self, fields: Mapping[str, str]) -> None:
        texts = {name: text for name, text in fields.items() if not self._is_drop_down(name)}
        for name in fields.keys() - texts.keys():
            self._open_drop_down(name)
            (word,) = [each for each in self._words() if each.text == fields[name]]
            word.click()
        super().fill(texts)

    def read(self, name: str) -> str:
        if self._is_drop_down(name):
            self.find(name)  # a text that is out of sight is read as empty
            chosen = self._dialog().find_element(By.ID, f"element_{name}").text
            return "" if chosen == "Select Value" else chosen
        return super().read(name)

    def save(self) -> None:
        save = self._button("Save")
        if save is None or not save.is_enabled():
            raise AssertionError(f"The form cannot be saved.\n{self._dialog().text}")
        save.click()
        wait_until(self.browser, lambda: not self.browser.find_elements(By.CSS_SELECTOR, "[role=dialog]"), "saving")

    def save_pictures(self, path: Path) -> None:
        for number in range(len(self._sections())):
            section = self._sections()[number]
            if section.text == "Extra Fields JSON":
                continue  # holds the same once more
            self._open_section(section)
            part = section.text.lower().replace(" ", "-")
            save_screenshot(self.browser, path.with_name(f"{path.stem}-{part}{path.suffix}"))

    def press_test(self, conn_id: str) -> str:
        self._open_list()
        row = wait_until(self.browser, lambda: self._row(conn_id), f"the connection {conn_id}")
        row.find_element(By.CSS_SELECTOR, "button[aria-label='Test Connection']").click()
        return wait_until(self.browser, lambda: self._text_of("[data-scope=toast][data-part=root]"), "a result")

    def whole(self) -> WebElement:
        self.browser.execute_script(_OPEN_ALL, self._dialog())
        self._wait_for_rest(self._dialog())
        return self._dialog()

    def has_asterisk(self, name: str) -> bool:
        row = self.find(name).find_element(By.XPATH, "ancestor::*[@data-scope='field'][@data-part='root'][1]")
        return "*" in row.find_element(By.TAG_NAME, "label").text

    def read_words(self, name: str) -> list[str]:
        if not self._is_drop_down(name):
            return []
        self._open_drop_down(name)
        words = [word.text for word in self._words()]
        self.find(name).send_keys(Keys.TAB)
        wait_until(self.browser, lambda: not self._words(), "the drop-down to close")
        return words

    def can_save(self) -> bool:
        save = self._button("Save")
        return save is not None and save.is_enabled()

    def _open_list(self) -> None:
        self.browser.get(f"{self.airflow.url}/connections?limit=100")

    def _dialog(self) -> WebElement:
        (*_, dialog) = self.browser.find_elements(By.CSS_SELECTOR, "[role=dialog][data-state=open]") or [None]
        assert dialog is not None, "no form is open"  # noqa: S101
        return dialog

    def _row(self, conn_id: str) -> WebElement | None:
        for row in self.browser.find_elements(By.CSS_SELECTOR, "tbody tr"):
            if conn_id in [cell.text for cell in row.find_elements(By.TAG_NAME, "td")]:
                return row
        return None

    def _button(self, text: str) -> WebElement | None:
        buttons = self.browser.find_elements(By.TAG_NAME, "button")
        return next((button for button in buttons if button.text.strip() == text), None)

    def _sections(self) -> list[WebElement]:
        return self.browser.find_elements(By.CSS_SELECTOR, "[role=dialog] [data-part=item-trigger]")

    def _open_section(self, section: WebElement) -> None:
        if section.get_attribute("aria-expanded") != "true":
            section.click()
        self._wait_for_rest(self.browser.find_element(By.ID, str(section.get_attribute("aria-controls"))))

    def _wait_for_rest(self, part: WebElement) -> None:
        """Wait until a part of the page has a height, and keeps it."""
        height = "return arguments[0].getBoundingClientRect().height"
        known: list[float] = []

        def has_come_to_rest() -> bool:
            known.append(self.browser.execute_script(height, part))
            return len(known) > 3 and known[-1] > 0 and len(set(known[-3:])) == 1

        wait_until(self.browser, has_come_to_rest, "a section to open")

    def _open_section_of(self, field: WebElement) -> None:
        content = field.find_element(By.XPATH, "ancestor::*[@data-part='item-content'][1]")
        trigger = self.browser.find_element(By.ID, str(content.get_attribute("aria-labelledby")))
        if trigger.get_attribute("aria-expanded") != "true":
            self._open_section(trigger)

    def _is_drop_down(self, name: str) -> bool:
        return bool(self._dialog().find_elements(By.CSS_SELECTOR, f"[id='element_{name}'] input[role=combobox]"))

    def _open_drop_down(self, name: str) -> None:
        self.find(name).send_keys(Keys.ARROW_DOWN)
        wait_until(self.browser, self._words, "the drop-down")

    def _words(self) -> list[WebElement]:
        return self.browser.find_elements(By.CSS_SELECTOR, "[role=option]")


def form_page(browser: WebDriver, airflow: AirflowUi, conn_type: str) -> FormPage:
    """Return the form of a connection type in an Airflow."""
    return (Airflow2FormPage if airflow.is_airflow_2 else Airflow3FormPage)(browser, airflow, conn_type)
