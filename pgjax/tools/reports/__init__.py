"""The page of `pgjax report`: what it shows of runs, and how it is written."""
