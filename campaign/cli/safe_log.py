"""A core's output as `campaign logs` prints it: without secrets, and with control characters made visible.

The file itself is what the core wrote. It can hold anything, and printing it as it is would let a core, or a model
whose completions it prints, send commands to the reader's terminal.
"""

from __future__ import annotations

import codecs
import sys

from campaign.redact import secret_values, shown

MOST_HELD = 65_536
"""Characters of an unfinished line, or of a private key without an end, that are held back."""
LONGEST_SECRET = 16_384
KEY_BEGINS, KEY_ENDS = "-----BEGIN ", "PRIVATE KEY-----"


class SafeLog:
    """Turns the bytes of one log, given in pieces, into text that may be printed.

    Only whole lines are returned, because the half of a secret has no form to know it by; `rest` returns what is left.
    A carriage return ends a line: it lets a progress bar, or something that looks like one, overwrite what was there.
    """

    def __init__(self) -> None:
        self._secrets = secret_values()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def feed(self, piece: bytes) -> str:
        """The lines that `piece` completes."""
        text = self._held + self._decoder.decode(piece)
        # The last character may be the first half of a line end.
        last = text[-1:] if text.endswith("\r") else ""
        text = _with_newlines(text[: len(text) - len(last)])
        end = _end_of_whole_lines(text)
        if not end and len(text) > MOST_HELD:
            text = shown(text, self._secrets)
            end = max(0, len(text) - LONGEST_SECRET)
        self._held = text[end:] + last
        return shown(text[:end], self._secrets)

    @property
    def held(self) -> bool:
        return bool(self._held)

    def rest(self) -> str:
        """What is left when the log has ended, or is not followed any longer."""
        text, self._held = _with_newlines(self._held + self._decoder.decode(b"", final=True)), ""
        return shown(text, self._secrets)


class SafeOutput:
    """Prints a log safely."""

    def __init__(self) -> None:
        self._log = SafeLog()

    @property
    def held(self) -> bool:
        """Whether the end of the log has not been printed, because its line is not complete."""
        return self._log.held

    def write(self, piece: bytes) -> None:
        sys.stdout.write(self._log.feed(piece))

    def end(self) -> None:
        """The log has ended, or is not followed any longer."""
        sys.stdout.write(self._log.rest())
        sys.stdout.flush()


class RawOutput:
    """Prints a log as it is."""

    held = False

    def write(self, piece: bytes) -> None:
        sys.stdout.buffer.write(piece)

    def end(self) -> None:
        sys.stdout.buffer.flush()


def _with_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _end_of_whole_lines(text: str) -> int:
    """The end of the last line that is complete and not inside a private key."""
    end = text.rfind("\n") + 1
    begins = text.rfind(KEY_BEGINS, 0, end)
    if begins >= 0 and text[begins : begins + 60].partition("\n")[0].count(KEY_ENDS):
        is_open = "-----END " not in text[begins:end]
        if is_open and end - begins <= MOST_HELD:
            return text.rfind("\n", 0, begins) + 1
    return end
