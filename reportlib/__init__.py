"""Numbers, calculations, exhibits and pipeline behind the HBM panorama report."""
