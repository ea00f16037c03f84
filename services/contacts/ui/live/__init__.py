"""What happens now: the dashboard, hits as they arrive, and whether a site's hits do arrive."""
