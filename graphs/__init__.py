"""Processing graphs as XML, loaded with importlib.resources."""
