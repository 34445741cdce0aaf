"""Declarative, proven-fair, fault-tolerant experiment campaigns for RL post-training of language models."""

from typing import TYPE_CHECKING, Any

from campaign.version import __version__

if TYPE_CHECKING:
    from campaign.library import load, open_campaign

    open = open_campaign

__all__ = ["__version__", "load", "open"]


def __dir__() -> list[str]:
    """What is imported on use is listed too, for completion in notebooks."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """`campaign.load` and `campaign.open`, imported on use: the command line pays for neither."""
    if name in ("load", "open"):
        from campaign import library

        return library.load if name == "load" else library.open_campaign
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
