"""Tools for the tests of people who write workflows: what runs beside their own code."""
