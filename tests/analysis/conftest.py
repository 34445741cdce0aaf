"""Shared by the tests of analysis: the campaigns they build are in `folders.py`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
