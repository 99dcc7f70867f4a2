"""WHO MAY: roles as data, row scope, the security manager."""
