"""Users, roles, one's own account, and what programs log in with."""
