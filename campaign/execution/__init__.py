"""Executes runs so that none is lost and none is executed twice."""
