"""A failover drill: the fault, what users saw, what logs told, and the report of it. Pure."""
