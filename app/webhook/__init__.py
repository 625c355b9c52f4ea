"""A message to a team's channel: a Slack or Teams webhook's payload, and its delivery."""
