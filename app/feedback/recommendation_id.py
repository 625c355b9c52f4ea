"""What a recommendation id, `rid`, looks like in links and in what a mail showed."""

import re
from typing import Final

RID: Final = re.compile(r"[A-Za-z0-9_-]{16}", re.ASCII)  # 12 random bytes
