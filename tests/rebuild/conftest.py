from __future__ import annotations

import sys

from tests.rebuild.world import PLUGIN

sys.path.append(str(PLUGIN))  # where yt-dlp's plugin mechanism looks
