"""Photos and pictures on the host: reading, placing, writing, naming, comparing."""
