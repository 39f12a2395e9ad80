"""ProxyKD: distil an image classifier into a smaller one without its training data."""

__version__ = "0.1.0"
