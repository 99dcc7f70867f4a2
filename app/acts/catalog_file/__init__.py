"""Product catalogs as one file: written in the shapes of the TM Forum, read back whole or not at all.

The same data has three forms: text, items (items.py, as shapes.py declares them) and rows (stored.py). parsing.py
reads, comparing.py finds what differs, bringing.py writes it, and a dry run takes it back. (docs/decisions/0037)
"""

from app.acts.catalog_file.bringing import AUTHORITY, bring_in, export

__all__ = ["AUTHORITY", "bring_in", "export"]
