"""Forms: their fields, the HTML for a site, and what was submitted."""
