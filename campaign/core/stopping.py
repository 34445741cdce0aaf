"""Being asked to stop: SIGTERM is a request, answered between two steps."""

from __future__ import annotations

import signal
from types import FrameType


class StopRequest:
    """Set by SIGTERM and SIGINT; a second SIGINT interrupts at once."""

    def __init__(self) -> None:
        self.requested = False

    def listen(self) -> None:
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGINT, self._ask)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        self.requested = True
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)
