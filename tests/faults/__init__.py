"""Every bad day, played against the real gunicorn, Postgres and Valkey while calls keep coming."""
