"""What the services promise: unit (pure), integration (real servers), system (black box, browser)."""
