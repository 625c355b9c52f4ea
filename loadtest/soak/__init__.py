"""`python -m loadtest.soak`: a long send at a steady rate, and what it found."""
