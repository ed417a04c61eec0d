"""How well an index answers: judged queries run as users would ask them, measured, and reported."""
