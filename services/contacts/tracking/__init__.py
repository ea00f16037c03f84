"""What the API says to and of the tracking: bots, click-throughs, events for a page."""
