"""The send model: Braze's queues, retries and limits, second by second, on counts."""
