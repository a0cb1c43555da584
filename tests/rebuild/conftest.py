from __future__ import annotations

import sys

from tests.cli.conftest import Command, command
from tests.rebuild.world import PLUGIN

__all__ = ["Command", "command"]

sys.path.append(str(PLUGIN))  # where yt-dlp's plugin mechanism looks
