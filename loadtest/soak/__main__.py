"""Run a soak."""

from loadtest.soak.run import main

main()
