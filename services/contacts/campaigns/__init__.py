"""What campaigns do with contacts, as far as somebody else tells it: this service runs no campaign."""
