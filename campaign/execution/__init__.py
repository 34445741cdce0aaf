"""Getting runs executed so that nothing is lost and nothing runs twice."""
