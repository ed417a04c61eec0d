"""The state of a service at a glance: what its store and its logs say."""
