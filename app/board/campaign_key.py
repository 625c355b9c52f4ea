"""How a campaign is named in the calls of its mails, `?campaign=NAME`, and on record."""

from __future__ import annotations

import re

CAMPAIGN_KEY = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?", re.ASCII)
