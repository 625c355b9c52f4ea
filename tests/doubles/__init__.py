"""Other people's services, held to what their documents say; they know nothing of what calls them."""
