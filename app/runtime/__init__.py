"""Tools of long-lived processes: deadlines, admission control, a circuit breaker, background tasks."""
