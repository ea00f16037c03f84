"""What goes in and out, and takes a while: imports, exports and jobs, each watched while it runs."""
