"""LoRA-Squeeze beside the campaign: measures which rank the adapter of the first finished run really uses."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from campaign.execution.process import dying_with_parent
from campaign.folder.atomic_files import read_json
from campaign.folder.paths import AttemptPaths, CampaignPaths
from campaign.metrics.sinks import SINKS
from campaign.spec.config import RunConfig


class SqueezeJob:
    """One measurement of one adapter, in a separate process, so that its failure cannot affect the campaign."""

    def __init__(self, paths: CampaignPaths) -> None:
        self._paths = paths
        self._process: subprocess.Popen[bytes] | None = None
        self._attempt: AttemptPaths | None = None
        """The attempt that is measured."""
        self._transfers: list[tuple[str, ...]] = []
        """Arguments of the mirrors that will add the table to the metrics sinks."""
        self.problem = ""
        """Why there is no table; empty while there may still be one."""

    @property
    def running(self) -> bool:
        return self._process is not None

    def consider(self, attempt: AttemptPaths, config: RunConfig) -> None:
        """Start for this finished attempt, if the spec asks for it, the attempt has an adapter, and nothing was
        started or measured before."""
        if config.squeeze is None or config.model.lora_rank == 0:
            return
        if self._process or self.problem or self._paths.squeeze.exists() or not attempt.adapter.is_dir():
            return
        self._attempt = attempt
        self._start(
            "campaign.core.lora_squeeze", str(attempt.adapter),
            "--out", str(self._paths.squeeze),
            "--min-variance-retention", str(config.squeeze.min_variance_retention),
            *(word for rank in config.squeeze.target_ranks for word in ("--target-rank", str(rank))),
        )  # fmt: skip

    def _start(self, module: str, *arguments: str) -> None:
        command = dying_with_parent([sys.executable, "-m", module, *arguments])
        with self._paths.squeeze_log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def poll(self) -> None:
        if self._process is None:
            return
        code = self._process.poll()
        if code is None:
            return
        self._process = None
        attempt, self._attempt = self._attempt, None
        # Otherwise this was a transfer, which has its own log.
        if attempt and (code or squeeze_table(self._paths) is None):
            self.problem = f"ended with {code}; see {self._paths.squeeze_log}"
        elif attempt:
            self._transfers = [
                (str(attempt.root), "--sink", sink, "--squeeze", str(self._paths.squeeze))
                for sink in SINKS
                if attempt.sink_settings(sink).exists()
            ]
        if self._transfers:
            self._start("campaign.metrics.mirror", *self._transfers.pop())

    def close(self) -> None:
        """Kill the measurement if it is still running."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None
            self.problem = "took too long and was killed"


def squeeze_table(paths: CampaignPaths) -> dict[str, Any] | None:
    """The document that `campaign.core.lora_squeeze` wrote; None when it is missing or incomplete."""
    document = read_json(paths.squeeze)
    ranks = document.get("ranks") if document else None
    columns = {"rank", "mean_variance", "min_variance"}
    complete = isinstance(ranks, list) and all(
        isinstance(entry, dict) and columns <= entry.keys() for entry in ranks
    )
    return document if complete else None
