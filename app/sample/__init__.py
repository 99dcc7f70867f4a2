"""A small telecom operator: builders of single rows, the world of demo and tests, a published file of customers."""
