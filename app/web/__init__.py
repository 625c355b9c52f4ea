"""HTTP: the Connected Content API, health, metrics and errors; the only package that imports Flask."""
