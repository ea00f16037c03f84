"""The web pages: rendered on the server, over the same functions as the API."""
