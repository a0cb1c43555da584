"""Where videos come from: sources, discovery, polite downloading, and what went wrong."""
