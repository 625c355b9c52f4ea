"""What each destination takes, checked before anything is sent."""
