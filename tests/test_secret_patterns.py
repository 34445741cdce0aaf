"""`campaign.secret_patterns`: what a campaign file refuses is redacted on the way out, and the other way round."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaign.errors import SpecError
from campaign.redact import REDACTED, redact, redact_text
from campaign.secret_patterns import SECRET_PATTERNS, may_name_a_secret, names_a_secret
from campaign.spec.load import load

VALUES = {
    "wandb_v1_" + "e-" * 8: "a W&B API key",
    "sk-" + "b" * 16: "an OpenAI or Anthropic API key",
    "hf_" + "a" * 16: "a Hugging Face token",
    "ghp_" + "c" * 16: "a GitHub token",
    "github_pat_" + "c" * 16: "a GitHub token",
    "AKIA" + "D" * 12: "an AWS access key",
    "ASIA" + "D" * 16: "an AWS access key",
    "AIza" + "f" * 35: "a Google API key",
    "xoxb-" + "1" * 10: "a Slack token",
    "glpat-" + "g" * 16: "a GitLab token",
    "npm_" + "n" * 36: "an npm token",
    "pypi-" + "p" * 40: "a PyPI token",
    "sk_live_" + "s" * 16: "a Stripe API key",
    "AccountKey=" + "h" * 40 + "==": "an Azure storage key",
    "Authorization: Basic " + "i" * 10 + "==": "a login in a header",
    f"eyJ{'a' * 10}.{'b' * 10}.{'c' * 10}": "a JSON web token",
    "Bearer " + "a" * 16: "a bearer token",
    "-----BEGIN RSA PRIVATE KEY-----": "a private key",
    "0" * 20: "a token in a URL",
    "me:hunter2": "a password in a URL",
    "me:hunter:2": "a password in a URL",
    "me:hun$ter2": "a password in a URL",
}
"""An example of each form, the shortest that counts -> its kind."""

NAMES = ("WANDB_API_KEY", "api-key", "secret_access_key", "hub_token", "password", "token", "my.credentials")


def written(secret: str) -> str:
    return f"https://{secret}@host/" if ":" in secret or secret.isdigit() else f"before {secret} after"


@pytest.mark.parametrize("secret", VALUES)
def test_each_form_of_a_secret_is_refused_in_a_campaign_file(secret: str, tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f"[core.options]\nx = '{written(secret)}'\n")
    with pytest.raises(SpecError) as caught:
        load(path)
    assert f"looks like {VALUES[secret]}" in str(caught.value)
    assert secret not in str(caught.value)


@pytest.mark.parametrize("secret", VALUES)
def test_each_form_of_a_secret_is_redacted_on_the_way_out(secret: str) -> None:
    assert redact_text(written(secret)) == written(secret).replace(secret, REDACTED)


def test_a_login_without_a_scheme_is_redacted_too() -> None:
    assert redact_text("at ://me:hunter2@host") == f"at ://{REDACTED}@host"


def test_every_kind_of_secret_has_an_example() -> None:
    assert set(VALUES.values()) == {entry.kind for entry in SECRET_PATTERNS}


@pytest.mark.parametrize("name", NAMES)
def test_each_name_of_a_secret_is_refused_in_a_campaign_file_and_redacted(name: str, tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f"[core.env]\n'{name}' = 'hunter2'\n")
    with pytest.raises(SpecError, match="a secret, because of its name"):
        load(path)
    assert redact({name: "hunter2"}) == {name: REDACTED}
    assert names_a_secret(name) <= may_name_a_secret(name)


def test_a_hexadecimal_key_is_refused_and_redacted_unless_its_name_says_that_it_is_a_hash(
    tmp_path: Path,
) -> None:
    key, path = "0123456789" * 4, tmp_path / "c.toml"
    path.write_text(f"[core.options]\nx = '{key}'\n")
    with pytest.raises(SpecError, match="a W&B API key"):
        load(path)
    assert redact({"x": key, "commit": key}) == {"x": REDACTED, "commit": key}


@pytest.mark.parametrize("login", ["me:$PASSWORD", "me:${PASSWORD}", "me:{password}", "me"])
def test_a_url_whose_password_is_filled_in_later_is_let_through_in_a_campaign_file(
    login: str, tmp_path: Path
) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f'[core.options]\nx = \'https://{login}@host/\'\nhosts = ["http://a:80","x@y"]\n')
    load(path)


def test_the_body_of_a_private_key_is_redacted_with_its_header() -> None:
    body = "\n".join(["M" * 64] * 3)
    whole = f"-----BEGIN PRIVATE KEY-----\n{body}\nQ==\n-----END PRIVATE KEY-----"
    assert redact_text(f"a\n{whole}\nb") == f"a\n{REDACTED}\nb"
    assert "M" not in redact_text(f"-----BEGIN PRIVATE KEY-----\n{body}")
