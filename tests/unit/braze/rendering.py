"""Templates rendered without a service, a member or a clock that goes on."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from app.braze import data_tags, tags
from app.braze.filters import FILTERS, time_zone_filter
from app.braze.liquid.context import Context
from app.braze.liquid.errors import Budget
from app.braze.liquid.filters import STANDARD, date_filter
from app.braze.liquid.nodes import Output
from app.braze.liquid.times import Time
from app.braze.liquid.tokenizer import TemplateSource
from app.braze.parsing import BrazeParser

NOW_S = 1_796_050_800  # 2026-11-30T15:00:00Z


def rendered(template: str, variables: Mapping[str, Any] | None = None) -> str:
    """Return what a template prints; raises LiquidSyntaxError and LimitError as they come."""
    now = Time(NOW_S)
    filters = STANDARD | FILTERS | {"date": date_filter(now), "time_zone": time_zone_filter(now)}
    context = Context(deepcopy(dict(variables or {})), filters, Budget())
    output = Output()
    BrazeParser(TemplateSource(template), tags.TAGS | data_tags.TAGS).read_all().render(context, output)
    return output.text
