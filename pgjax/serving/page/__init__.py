"""A page that draws a person in other poses, in a browser alone: its files, and what is put beside them."""
