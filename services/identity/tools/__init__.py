"""What is run by hand or as a job: each module is a tool, `python -m services.identity.tools.<name>`."""
