"""The contacts service: the REST API on contacts and their histories, and a plain page to look at them."""
