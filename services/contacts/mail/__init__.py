"""Mails: templates, the queue of what is to be sent, the postman, and what histories tell of them."""
