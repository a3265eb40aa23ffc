"""Where credentials go, and where they do not show."""

from __future__ import annotations

from guards.guard import Guard

DRIVERS = "tests/http/test_clients.py"
TLS = "tests/http/test_tls.py"
FAULTS = "tests/secrets/test_faults.py"

GUARDS = [
    Guard(
        "redirects are not followed (aiohttp)",
        "http/async_client.py",
        "allow_redirects=False",
        "allow_redirects=True",
        f"{DRIVERS} -k redirects",
    ),
    Guard(
        "redirects are not followed (requests)",
        "http/sync_session.py",
        "        return None\n",
        "        return super().get_redirect_target(resp)\n",
        f"{DRIVERS} -k redirect",
    ),
    Guard("no ~/.netrc", "http/sync_session.py", "    session.auth = _NoAuth()\n", "", f"{DRIVERS} -k netrc"),
    Guard(
        "no cookies",
        "http/sync_session.py",
        "session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))",
        "pass",
        f"{DRIVERS} -k cookies",
    ),
    Guard(
        "a client secret is form-encoded",
        "http/auth.py",
        "encoded_secret = quote_plus(client_secret)",
        "encoded_secret = client_secret",
        "tests/hooks/test_cryptofuse.py -k any_character",
    ),
    Guard(
        "a verification that was switched off in text is switched off, and nothing else is",
        "api/credentials.py",
        "flag = True if value is None else find_flag(value)",
        "flag = True if value is None else bool(value)",
        "tests/api/test_credentials.py -k boolean",
    ),
    Guard(
        "certificates are verified",
        "http/options.py",
        "verify: bool | str = True",
        "verify: bool | str = False",
        f"{TLS} -k unknown_certificate",
    ),
    Guard(
        "the connection's authorities come first",
        "http/options.py",
        "if self.verify is True and self.trust_env:",
        "if self.trust_env:",
        f"{TLS} -k authorities",
    ),
    Guard(
        "the connection's proxy comes first",
        "http/options.py",
        "if own or not self.trust_env",
        "if not self.trust_env",
        f"{TLS} -k proxy_comes_before",
    ),
    Guard(
        "the digest of the body is signed",
        "http/signature.py",
        "hashlib.sha256(request.body)",
        'hashlib.sha256(b"")',
        "tests/http/test_auth.py",
    ),
    Guard(
        "messages are without secrets",
        "http/errors.py",
        "return redact(text, (*self.secrets(), *more))",
        "return text",
        "tests/http/test_errors.py",
    ),
    Guard(
        "keys cut short are secrets",
        "http/redaction.py",
        "if len(secret) > _BEGINNING:",
        "if False:",
        f"{FAULTS} -k repeats_everything",
    ),
    Guard(
        "encoded keys are secrets",
        "http/redaction.py",
        "yield from (base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode(), data.hex())",
        "yield data.hex()",
        f"{FAULTS} -k hotpay-bearer-401",
    ),
    Guard(
        "frames of requests are forgotten",
        "http/sync_client.py",
        "            trouble = self._config.error_mapper.unreachable(request, error)\n",
        "            raise self._config.error_mapper.unreachable(request, error) from error\n",
        f"{FAULTS} -k nobody_there",
    ),
    Guard(
        "frames of aiohttp are forgotten",
        "http/async_client.py",
        "            trouble = self._config.error_mapper.unreachable(request, error)\n",
        "            raise self._config.error_mapper.unreachable(request, error) from error\n",
        f"{FAULTS} -k nobody_there",
    ),
    Guard(
        "frames that read a connection are forgotten",
        "hooks/http_hook.py",
        "trouble = without_traceback(error)",
        "raise",
        f"{FAULTS} -k connection_that_is_wrong",
    ),
    Guard(
        "what holds secrets is not pickled",
        "http/redaction.py",
        'raise TypeError(f"A',
        'return object.__reduce_ex__(self, 2)  # (f"A',
        "tests/secrets/test_runs.py -k cannot_be_pickled",
    ),
    Guard(
        "issued keys are masked in logs",
        "http/sync_client.py",
        "            self._config.mask(secrets)\n",
        "",
        "tests/secrets/test_masking.py",
    ),
    Guard(
        "issued keys are masked in logs of triggers",
        "http/async_client.py",
        "            await self._config.amask(secrets)\n",
        "",
        "tests/secrets/test_masking.py",
    ),
    Guard(
        "a client_secret is not in raw (Stripe)",
        "hooks/stripe.py",
        "raw=_withhold_secrets(raw)",
        "raw=raw",
        "tests/hooks/test_stripe.py -k client_secret",
    ),
    Guard(
        "a secret is found however its key is written",
        "api/withholding.py",
        "if _BACKSLASH in text and has_numbers(text):",
        "if False:",
        "tests/api/test_withholding.py",
    ),
    Guard(
        "a publishable key is refused (Stripe)",
        "hooks/stripe.py",
        'if key.startswith("pk_"):',
        "if False:",
        "tests/hooks/test_stripe.py -k publishable",
    ),
    Guard(
        "a long sentence is told to the permission that it names",
        "http/errors.py",
        "_LONGEST_MESSAGE = 300",
        "_LONGEST_MESSAGE = 200",
        "tests/hooks/test_stripe.py -k permission",
    ),
]
