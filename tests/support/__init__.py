"""Builders, twins and counterparts that the tests share."""
