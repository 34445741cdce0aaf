"""Redaction: secrets go, everything else stays."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.redact import REDACTED, redact, redact_text, secret_values


@pytest.mark.parametrize(
    "key", ["api_key", "judge.api_key", "OPENAI_API_KEY", "token", "hf-token", "password", "client_secret"]
)
def test_redact_hides_the_value_of_a_secret_key(key: str) -> None:
    assert redact({"a": [{key: "open sesame"}]}) == {"a": [{key: REDACTED}]}


@pytest.mark.parametrize(
    "key", ["max_tokens", "tokenizer", "tokens_per_s", "author", "keys", "monkey", "strategic_grams"]
)
def test_redact_leaves_keys_that_only_sound_alike(key: str) -> None:
    assert redact({key: "value"}) == {key: "value"}


@pytest.mark.parametrize(
    "secret",
    ["hf_" + "a" * 30, "sk-proj-" + "b" * 30, "ghp_" + "c" * 36, "AKIA" + "D" * 16, "wandb_v1_" + "e" * 40],
)
def test_redact_text_hides_what_has_a_secrets_shape(secret: str) -> None:
    assert secret not in redact_text(f"before {secret} after")


def test_redact_text_hides_the_password_of_a_url() -> None:
    assert redact_text("https://me:hunter2@host/x") == f"https://{REDACTED}@host/x"


def test_secret_values_are_those_of_variables_named_like_secrets() -> None:
    environment = {
        "WANDB_API_KEY": "0123456789",
        "HOME_TOKEN": "short",
        "MAX_TOKENS": "123456789",
        "SSH_AUTH_SOCK": "/run/x/socket",
    }
    assert secret_values(environment) == ("0123456789",)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abc xyz\n<>&", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["lr", "max_tokens", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(json_values)
def test_redact_leaves_values_without_secrets_as_they_are(value: Any) -> None:
    assert redact(value) == value


@given(json_values, st.text("abcdefghijkl0123456789", min_size=8, max_size=20))
def test_redact_leaves_no_trace_of_a_known_secret(value: Any, secret: str) -> None:
    hidden = redact({"value": value, "deep": [f"<{secret}>"]}, (secret,))
    assert secret not in json.dumps(hidden["deep"])
