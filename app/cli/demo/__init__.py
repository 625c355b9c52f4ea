"""The demo's command, the board that it serves, the mails that it has sent, and generating such a board."""
