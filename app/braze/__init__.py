"""What Braze is, as far as we need to play it: its Liquid dialect, for previews of the templates we publish."""
