"""Long runs that want the machine for themselves: kills at random moments, and a day of sends while everything goes wrong."""
