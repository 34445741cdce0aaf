"""Credit assignment: five conditions that differ in advantage and token transform only."""
