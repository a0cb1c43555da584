"""Looking around in a dataset and hearing it turn."""
