"""What an installation is watched by: the page of metrics, dashboards, alerts, and `./just status`."""
