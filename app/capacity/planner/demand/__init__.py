"""What a plan asks of the service, minute by minute, without playing it."""
