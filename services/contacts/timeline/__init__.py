"""The history of a contact: what is asked, how it is shown, and what changes over the API add to it."""
