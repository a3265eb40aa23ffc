"""What this package offers to Airflow: plain data, importing nothing, for Airflow reads it in every process.

The connection forms of Airflow 3.3 are made from ``conn-fields`` and ``ui-field-behaviour``; those of 2.11 from the
same data, by ``hooks/forms_211.py``. What their web pages do with a field limits what a field can be:

- A type with ``null`` is optional; one without has an asterisk, and must be filled in. Standard fields (host, login,
  password) cannot have one: their placeholder says ``Required``.
- A name with a word like ``token``, ``secret`` or ``private_key`` is shown as ``***``, so only secrets have one.
- An object is shown as ``[object Object]`` in a text field, so there are only texts and numbers, and no text is JSON:
  from a URI, Airflow 3.3 would store it as an object.
- A drop-down that may stay empty has no ``None`` in its ``enum``, which would be offered as the word ``null``.
"""

from __future__ import annotations

from typing import Any

_REQUIRED = "Required"

#: Names of the companies, and where their APIs are documented.
_COMPANIES = (
    ("HOT Pay", "https://hot-labs.gitbook.io/hot-pay"),
    ("CryptoFuse", "https://docs.cryptofuse.io"),
    ("SpacePay", "https://docs.spacepay.solutions"),
    ("Satispay", "https://developers.satispay.com"),
    ("JFramework", "https://developers.jframework.io"),
    ("Stripe", "https://docs.stripe.com/api"),
    ("GoCardless", "https://developer.gocardless.com/api-reference"),
    ("Mollie", "https://docs.mollie.com"),
    ("Razorpay", "https://razorpay.com/docs/api/"),
    ("Square", "https://developer.squareup.com/reference/square/payments-api"),
    ("PayPal", "https://developer.paypal.com/docs/api/transaction-search/v1/"),
)

_OPTIONS: dict[str, Any] = {
    "page_size": {
        "label": "Page size",
        "description": "Payments to ask for at once. Empty: as many as the API permits.",
        "schema": {"type": ["integer", "null"], "minimum": 1},
    },
    "max_concurrency": {
        "label": "Max concurrency",
        "description": "Requests that may be under way at once. Empty: 4.",
        "schema": {"type": ["integer", "null"], "minimum": 1},
    },
    "requests_per_second": {
        "label": "Requests per second",
        "description": "Requests are spread evenly, at most this many per second. Empty: no limit.",
        "schema": {"type": ["number", "null"], "minimum": 0},
    },
}


def _text(label: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {"type": ["string", "null"], **schema}}


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description, as ``airflow/provider_info.schema.json`` asks for it."""
    return {
        "package-name": "airflow-provider-payments",
        "name": "Payments",
        "description": f"Lists the payments of {', '.join(name for name, _ in _COMPANIES)} in one schema.",
        "integrations": [
            {"integration-name": name, "external-doc-url": url, "tags": ["service"]} for name, url in _COMPANIES
        ],
        "hooks": [
            {
                "integration-name": name,
                "python-modules": [f"airflow_provider_payments.hooks.{name.lower().replace(' ', '')}"],
            }
            for name, _ in _COMPANIES
        ],
        "operators": [
            {
                "integration-name": "Payments",
                "python-modules": [
                    "airflow_provider_payments.operators.list_payments",
                    "airflow_provider_payments.operators.get_payments",
                ],
            }
        ],
        "sensors": [{"integration-name": "Payments", "python-modules": ["airflow_provider_payments.sensors.payments"]}],
        "triggers": [
            {"integration-name": "Payments", "python-modules": ["airflow_provider_payments.triggers.payments"]}
        ],
        "connection-types": [
            {
                "connection-type": "hotpay",
                "hook-name": "HOT Pay",
                "hook-class-name": "airflow_provider_payments.hooks.hotpay.HotPayHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["login", "port", "schema"],
                    "relabeling": {"password": "API token"},
                    "placeholders": {"host": "https://api.hot-labs.org", "password": _REQUIRED},
                },
                "conn-fields": {
                    "auth_scheme": _text(
                        "Auth scheme",
                        "How the token is sent: raw (default), bearer or api-key.",
                        enum=["raw", "bearer", "api-key"],
                    ),
                    "decimals": _text(
                        "Token decimals",
                        "Decimals of the tokens you accept, by token id: nep141:wrap.near=24, nep141:token.example=6. "
                        "Amounts of others stay in smallest units.",
                    ),
                    **_OPTIONS,
                },
            },
            {
                "connection-type": "cryptofuse",
                "hook-name": "CryptoFuse",
                "hook-class-name": "airflow_provider_payments.hooks.cryptofuse.CryptoFuseHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["port", "schema"],
                    "relabeling": {"login": "Client id", "password": "Client secret"},
                    "placeholders": {
                        "host": "https://api.cryptofuse.io",
                        "login": _REQUIRED,
                        "password": _REQUIRED,
                    },
                },
                "conn-fields": {
                    "scope": _text("Scope", "OAuth 2.0 scope to ask for. Empty: read write."),
                    "client_auth": _text(
                        "Client auth",
                        "How id and secret are sent to the token endpoint: basic (default) or body.",
                        enum=["basic", "body"],
                    ),
                    "auth_path": _text("Token path", "Path of the token endpoint. Empty: /o/token/"),
                    **_OPTIONS,
                },
            },
            {
                "connection-type": "spacepay",
                "hook-name": "SpacePay",
                "hook-class-name": "airflow_provider_payments.hooks.spacepay.SpacePayHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["login", "port", "schema"],
                    "relabeling": {"password": "Secret key"},
                    "placeholders": {"host": "https://api.spacepay.solutions", "password": _REQUIRED},
                },
                "conn-fields": {**_OPTIONS},
            },
            {
                "connection-type": "satispay",
                "hook-name": "Satispay",
                "hook-class-name": "airflow_provider_payments.hooks.satispay.SatispayHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["port", "schema"],
                    "relabeling": {"login": "KeyId", "password": "RSA private key (PEM)"},
                    "placeholders": {
                        "host": "https://authservices.satispay.com",
                        "login": _REQUIRED,
                        "password": "Required, unless there is a private key path",
                    },
                },
                "conn-fields": {
                    "key_path": _text(
                        "Private key path", "File with the RSA private key on the workers, instead of pasting it."
                    ),
                    "private_key_passphrase": _text(
                        "Private key passphrase", "For an encrypted private key.", format="password"
                    ),
                    **_OPTIONS,
                },
            },
            {
                "connection-type": "jframework",
                "hook-name": "JFramework",
                "hook-class-name": "airflow_provider_payments.hooks.jframework.JFrameworkHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["port", "schema"],
                    "relabeling": {"login": "User name (optional)", "password": "Auth-Key, or the user's password"},
                    "placeholders": {"host": "https://protocol.jframework.io", "password": _REQUIRED},
                },
                "conn-fields": {
                    "brand_url": {
                        "label": "Brand URL",
                        "description": "Sent as the Brand-URL header, as you write it here.",
                        "schema": {"type": "string", "minLength": 1, "section": "Required fields"},
                    },
                    "first_page": {
                        "label": "First page",
                        "description": "Number of the first page. Empty: 0.",
                        "schema": {"type": ["integer", "null"], "minimum": 0},
                    },
                    **_OPTIONS,
                },
            },
            {
                "connection-type": "stripe",
                "hook-name": "Stripe",
                "hook-class-name": "airflow_provider_payments.hooks.stripe.StripeHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["login", "port", "schema"],
                    "relabeling": {"password": "API key"},
                    "placeholders": {
                        "host": "https://api.stripe.com",
                        "password": "Required: a restricted key (rk_) or a secret one (sk_)",
                    },
                },
                "conn-fields": {
                    "resource": _text(
                        "Resource",
                        "What counts as a payment: payment_intents (default), or charges, each an attempt to pay.",
                        enum=["payment_intents", "charges"],
                    ),
                    "stripe_account": _text(
                        "Stripe account", "Id of a connected account to read with the platform's key: acct_…"
                    ),
                    "api_version": _text("API version", "Empty: the one that this package was made for."),
                    "order_key": _text("Order key", "Key of your own order id in the metadata. Empty: order_id."),
                    **_OPTIONS,
                },
            },
            {
                "connection-type": "gocardless",
                "hook-name": "GoCardless",
                "hook-class-name": "airflow_provider_payments.hooks.gocardless.GoCardlessHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["login", "port", "schema"],
                    "relabeling": {"password": "Access token"},
                    "placeholders": {"host": "https://api.gocardless.com", "password": _REQUIRED},
                },
                "conn-fields": {
                    "order_key": _text(
                        "Order key", "Key of a payment's metadata that has your order's id. Empty: order_id."
                    ),
                    **_OPTIONS,
                },
            },
            {
                "connection-type": "mollie",
                "hook-name": "Mollie",
                "hook-class-name": "airflow_provider_payments.hooks.mollie.MollieHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["login", "port", "schema"],
                    "relabeling": {"password": "API key or access token"},
                    "placeholders": {"host": "https://api.mollie.com", "password": _REQUIRED},
                },
                "conn-fields": {
                    "profile_id": _text(
                        "Profile id",
                        "The website whose payments to list, pfl_…: required with an access token (access_…). Empty "
                        "with an API key, which is of one website.",
                    ),
                    "testmode": _text(
                        "Test mode",
                        "With an access token: true lists test payments. Empty: live ones. Empty with an API key.",
                        enum=["true", "false"],
                    ),
                    "order_key": _text(
                        "Order key", "Key of the payments' metadata with your own order id. Empty: order_id."
                    ),
                    **_OPTIONS,
                },
            },
            {
                "connection-type": "razorpay",
                "hook-name": "Razorpay",
                "hook-class-name": "airflow_provider_payments.hooks.razorpay.RazorpayHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["port", "schema"],
                    "relabeling": {"login": "Key id", "password": "Key secret"},
                    "placeholders": {
                        "host": "https://api.razorpay.com",
                        "login": "Required, like rzp_live_…",
                        "password": _REQUIRED,
                    },
                },
                "conn-fields": {
                    "account_id": _text("Account id", "Partners only: the merchant's account, like acc_…"),
                    "order_key": _text(
                        "Order key", "Key of the notes that has your own order id. Empty: Razorpay's order_id."
                    ),
                    **_OPTIONS,
                },
            },
            {
                "connection-type": "square",
                "hook-name": "Square",
                "hook-class-name": "airflow_provider_payments.hooks.square.SquareHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["login", "port", "schema"],
                    "relabeling": {"password": "Access token"},
                    "placeholders": {"host": "https://connect.squareup.com", "password": _REQUIRED},
                },
                "conn-fields": {
                    "location_ids": _text(
                        "Location ids",
                        "Locations to read, with commas in between. Empty: all of them, which are asked for with the "
                        "permission MERCHANT_PROFILE_READ.",
                    ),
                    "api_version": _text("API version", "Empty: the one that this package was made for."),
                    **_OPTIONS,
                },
            },
            {
                "connection-type": "paypal",
                "hook-name": "PayPal",
                "hook-class-name": "airflow_provider_payments.hooks.paypal.PayPalHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["port", "schema"],
                    "relabeling": {"login": "Client id", "password": "Client secret"},
                    "placeholders": {
                        "host": "https://api-m.paypal.com",
                        "login": _REQUIRED,
                        "password": _REQUIRED,
                    },
                },
                "conn-fields": {
                    **_OPTIONS,
                    "requests_per_second": {
                        **_OPTIONS["requests_per_second"],
                        "description": "At most this many. Empty: 0.5, one every two seconds. 0: no limit.",
                    },
                },
            },
        ],
    }
