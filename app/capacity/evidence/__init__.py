"""What load tests say: ceilings, and the scaling law through several."""
