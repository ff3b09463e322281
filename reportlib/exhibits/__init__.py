"""What the notebooks show: records made into tables, tables into charts, both into exhibits."""
