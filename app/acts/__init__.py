"""WHAT CAN BE DONE: the conditions of a list, the actions on a record, its removal; screens and REST share them."""
