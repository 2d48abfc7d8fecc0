"""A real broker that wants a login: SCRAM, mutual TLS, OAuth by OIDC, and what Amazon MSK does with IAM."""
