"""The definition of every metric, and the sinks that mirror them."""
