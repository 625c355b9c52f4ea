"""Who gets in: sessions, roles, and what browsers are told to allow."""
