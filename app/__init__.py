"""Connected Jobs: personalised postings for Braze Connected Content, and how fast a send may go."""
