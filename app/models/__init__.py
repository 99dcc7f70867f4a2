"""WHAT IS: the relational schema. Imports nothing of ours outside this package.

Each module here is found by itself: a table exists as soon as its file does, whichever module is asked for first.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)

for _indexes in ("list_indexes", "search_indexes"):
    importlib.import_module(f"app.models.{_indexes}").declare()
