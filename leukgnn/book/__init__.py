"""The book: what its chapters show, by plots, pictures, tables and exercises.

The names stand in `__init__.pyi` and are loaded when first used: what runs, builds and checks the
book (`chapters`, `building`, `checks`, `published`, `results_page`) does not wait for what draws.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
