"""Reasons for an answer: what each neighbour of an attached cell, or part of its picture, carries.

The names stand in `__init__.pyi` and are loaded when first used, as those of `networks` are.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
