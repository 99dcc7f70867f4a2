"""The generator of screens: it reads what models declare and draws lists, forms, filters, detail pages and charts."""
