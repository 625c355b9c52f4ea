"""The demo's command, the board that it serves, and the mails that it has sent."""
