"""The helper package of the executable companion; the notebooks tell the story."""

__version__ = "0.1.0"
