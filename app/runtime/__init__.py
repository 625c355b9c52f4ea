"""What any long-lived process here needs: deadlines, admission, a circuit breaker, background tasks."""
