"""How the service is deployed: the Compose file and the chart, held against the real programs and schemas."""
