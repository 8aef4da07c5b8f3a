"""What the tests start and wait for: a service, Locust, and a swarm with live sync."""
