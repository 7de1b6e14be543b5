"""Networks, all `forward(x, adjacency) -> logits`, and the one way to train and to ask them.

The names stand in `__init__.pyi` and are loaded when first used: who reads what was computed, as
most chapters do, does not wait for torch and torch-geometric.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
