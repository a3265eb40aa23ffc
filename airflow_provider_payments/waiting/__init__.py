"""What sensors and triggers wait for: what to ask at each poll, and when it is over."""
