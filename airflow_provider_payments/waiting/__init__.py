"""Wait conditions of sensors and triggers: what to ask the API at each poll, and when the condition is met."""
