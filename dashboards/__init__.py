"""The Grafana dashboard of the chart, which ``python -m dashboards`` prints as JSON."""
