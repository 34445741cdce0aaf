"""Whether this machine can reach W&B and has an API key, without importing it."""

from __future__ import annotations

import netrc
import os
import socket
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_SERVER = "https://api.wandb.ai"


def server() -> str:
    """The address of the W&B server: `WANDB_BASE_URL`, or the public one."""
    return os.environ.get("WANDB_BASE_URL") or DEFAULT_SERVER


def has_api_key() -> bool:
    """True with `WANDB_API_KEY` in the environment, or an entry for the server in a netrc file."""
    return bool(os.environ.get("WANDB_API_KEY")) or _in_netrc(urlsplit(server()).hostname or "")


def refusal(timeout_s: float = 3.0) -> str:
    """Why the server does not accept connections; empty when it does, or when there is a proxy that cannot be
    tested this way.

    Testing first saves time: W&B itself retries until its timeout.
    """
    address = urlsplit(server())
    if urllib.request.getproxies().get(address.scheme):
        return ""
    port = address.port or (80 if address.scheme == "http" else 443)
    try:
        with socket.create_connection((address.hostname or "", port), timeout_s):
            return ""
    except OSError as error:
        return f"{server()} does not answer: {error}"


def _in_netrc(host: str) -> bool:
    named = os.environ.get("NETRC")
    candidates = [Path(named)] if named else [Path.home() / ".netrc", Path.home() / "_netrc"]
    for path in candidates:
        try:
            entry = netrc.netrc(str(path)).authenticators(host)
        except (OSError, netrc.NetrcParseError):
            continue
        if entry and entry[2]:
            return True
    return False
