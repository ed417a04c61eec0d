"""The Model Context Protocol: the index as tools and resources of agents.

The protocol is written by hand: the official SDK takes longer to import than the whole function,
and needs none of what makes it large for a server without state.
"""
