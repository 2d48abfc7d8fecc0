"""The status page for a browser: one document that the worker writes, a style sheet and a small script.

Everything below this package is imported when somebody opens the page, and not before.
"""
