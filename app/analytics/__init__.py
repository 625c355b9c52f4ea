"""Analytics tools as a sync's destination: thin clients; what each takes stands in `app/sync/rules`."""
