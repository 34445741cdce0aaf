"""Whether this machine may talk to W&B, asked without importing it."""

from __future__ import annotations

import netrc
import os
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_SERVER = "https://api.wandb.ai"


def server() -> str:
    """Address of the W&B server: `WANDB_BASE_URL`, or the public one."""
    return os.environ.get("WANDB_BASE_URL") or DEFAULT_SERVER


def has_api_key() -> bool:
    """True with `WANDB_API_KEY` in the environment, or an entry for the server in a netrc file."""
    return bool(os.environ.get("WANDB_API_KEY")) or _in_netrc(urlsplit(server()).hostname or "")


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
