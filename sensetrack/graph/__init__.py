"""Processing graphs: SNAP GPT XML, run by SNAP or by this package alone."""
