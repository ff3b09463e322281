"""From notebooks and params to documents: execute, assemble, export, publish."""
