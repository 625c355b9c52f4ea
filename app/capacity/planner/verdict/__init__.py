"""From a plan and what is known of the service to a verdict."""
