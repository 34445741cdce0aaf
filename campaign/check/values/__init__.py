"""What a value can be while a configuration is evaluated; depends on nothing else of the checker."""
