"""Prints the dashboard as JSON."""

from __future__ import annotations

import sys

from dashboards.grafana import dashboard_json

if __name__ == "__main__":
    sys.stdout.write(dashboard_json())
