"""What our gunicorn worker does apart from its base."""

from __future__ import annotations

from gunicorn.config import Config

from app.web.workers.gthread import settle


def test_settled_settings_are_as_they_were_and_found_without_a_search() -> None:
    cfg = Config()
    cfg.set("threads", 5)
    cfg.set("limit_request_fields", 50)
    before = {name: getattr(cfg, name) for name in cfg.settings} | {"is_ssl": cfg.is_ssl}
    settle(cfg)
    assert {name: getattr(cfg, name) for name in cfg.settings} | {"is_ssl": cfg.is_ssl} == before
    cfg.settings.clear()
    assert (cfg.threads, cfg.limit_request_fields) == (5, 50)
