"""Connection forms for Airflow 2.11 to 3.1, made from the data that later versions read themselves."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from airflow_provider_payments.arguments import find_number
from airflow_provider_payments.get_provider_info import get_provider_info

if TYPE_CHECKING:
    from wtforms import Field, Form

#: What Airflow 2.11 puts into its "Extra" box instead of a secret; sent back, it means "as it was".
_UNCHANGED_SECRET = "RATHER_LONG_SENSITIVE_FIELD_PLACEHOLDER"  # noqa: S105


def is_declared(conn_type: str) -> bool:
    """Whether this package declares a connection type."""
    return any(item["connection-type"] == conn_type for item in get_provider_info()["connection-types"])


def field_behaviour(conn_type: str) -> dict[str, Any]:
    """Return which standard fields a form hides and how it names the others."""
    behaviour = _connection_type(conn_type)["ui-field-behaviour"]
    placeholders = dict(behaviour["placeholders"])
    if "password" in placeholders and not find_spec("airflow.sdk"):
        # The form of Airflow 2 never shows that a password is stored, and keeps it when this field is empty.
        placeholders["password"] += ". Empty keeps a stored one."
    return {
        "hidden_fields": list(behaviour["hidden-fields"]),
        "relabeling": dict(behaviour["relabeling"]),
        "placeholders": placeholders,
    }


def form_widgets(conn_type: str) -> dict[str, Any]:
    """Return a form's extra fields."""
    # Part of the 2.11 web server. Airflow 3.0 and 3.1 give others by these names, later ones do not ask.
    from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextFieldWidget
    from wtforms import PasswordField, StringField

    class TextWidget(BS3TextFieldWidget):  # type: ignore[misc]
        """Shows numbers and objects as they stand in the extra."""

        def __call__(self, field: Field, **kwargs: Any) -> Any:
            return super().__call__(field, value=_shown(field.data), **kwargs)

    class SecretWidget(BS3PasswordFieldWidget):  # type: ignore[misc]
        """Shows that there is a secret. A password field without this would send nothing, which deletes it."""

        def __init__(self) -> None:
            super().__init__()
            self.hide_value = False  # would empty it

        def __call__(self, field: Field, **kwargs: Any) -> Any:
            return super().__call__(field, value=_UNCHANGED_SECRET if field.data else "", **kwargs)

    def widget(name: str, field: dict[str, Any]) -> Any:
        is_secret = field["schema"].get("format") == "password"
        # Airflow takes these classes, and none that are derived from them.
        kind, look = (PasswordField, SecretWidget()) if is_secret else (StringField, TextWidget())
        check = _Check(conn_type, name, field["schema"])
        return kind(field["label"], validators=[check], widget=look, description=field["description"])

    return {name: widget(name, field) for name, field in _connection_type(conn_type)["conn-fields"].items()}


class _Check:
    """Checks what was typed into a field, and keeps what was not touched as it stands in the extra."""

    def __init__(self, conn_type: str, name: str, schema: dict[str, Any]) -> None:
        self._conn_type = conn_type
        self._name = name
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        self._is_required = "null" not in types
        self._is_number = types[0] in ("integer", "number")
        self._is_whole = types[0] == "integer"
        self._minimum = schema.get("minimum", 0)
        self._words = schema.get("enum")
        # Makes the form show an asterisk. For the browser it counts only while the field is on the page.
        self.field_flags = {"required": True} if self._is_required else {}

    def __call__(self, form: Form, field: Field) -> None:
        from wtforms.validators import ValidationError

        if form["conn_type"].data != self._conn_type:
            return  # one form has the fields of all types, and shows those of one
        text = field.data or ""
        extra = _stored(form["extra"].data)
        stored = extra.get(self._name, "")
        if text == _shown(stored):
            # Airflow would write a number as text and an object as Python shows it, and drop a 0.
            field.data = stored
        elif not text:
            # Airflow takes it out, too, but forgets that when nothing else is left.
            form["extra"].data = json.dumps({name: value for name, value in extra.items() if name != self._name})
        elif self._is_number:
            number = find_number(text)
            if number is None or number < self._minimum or (self._is_whole and number != int(number)):
                kind = "whole number" if self._is_whole else "number"
                raise ValidationError(f"Must be a {kind} of at least {self._minimum}.")
            field.data = int(number) if number == int(number) else float(number)
        elif self._words and text not in self._words:
            raise ValidationError(f"Must be one of {', '.join(self._words)}.")
        if self._is_required and not text:
            raise ValidationError("This field is required.")


def _shown(value: object) -> str:
    """Return a value of the extra as its field shows it: on one line, and nothing for 0 and the like."""
    if not value:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(text.splitlines()).strip()


def _stored(extra: str | None) -> dict[str, Any]:
    """Return what the form's "Extra" box holds: all of the stored extra, with secrets left out."""
    try:
        value = json.loads(extra or "{}")
    except ValueError:  # Airflow tells of it
        value = None
    return value if isinstance(value, dict) else {}


def _connection_type(conn_type: str) -> dict[str, Any]:
    types: list[dict[str, Any]] = get_provider_info()["connection-types"]
    return next(item for item in types if item["connection-type"] == conn_type)
