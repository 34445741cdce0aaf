"""Stop requests: SIGTERM and SIGINT are recorded and handled between steps."""

from __future__ import annotations

import signal
from types import FrameType


class StopRequest:
    """Becomes `requested` on SIGTERM or SIGINT. A second SIGINT interrupts immediately."""

    def __init__(self) -> None:
        self.requested = False

    def listen(self) -> None:
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGINT, self._ask)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        self.requested = True
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)
