"""What goes beyond one machine, run on this one: with workers, nodes and drivers that are killed."""
