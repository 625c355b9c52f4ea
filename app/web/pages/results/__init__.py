"""Results: what became of the mails, as pages."""
