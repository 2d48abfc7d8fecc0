"""Decides which events go into the next call: sessions, their order, their age."""
