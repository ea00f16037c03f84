"""Users, roles, and what lets them in: passwords, tokens, OAuth2; and which right each route needs."""
