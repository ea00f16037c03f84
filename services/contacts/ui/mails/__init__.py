"""Templates of mails: written, looked at, and sent."""
