"""`./just status`: what is well and what is not, for a person without Grafana."""
