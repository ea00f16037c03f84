"""What an installation is watched by: the page of metrics, dashboards and alerts."""
