"""The codes that the delivery itself assigns where the API gave none."""

from __future__ import annotations

from typing import Final

from worker.http.errors import TRANSPORT_CODES

DELIVERY_CODES: Final = TRANSPORT_CODES | {
    "NoCredentials", "CredentialsMalformed", "CredentialsRefresh", "CredentialsUnavailable",
    "NotTheApi", "NotUnicode",
}  # fmt: skip
"""All are fit for labels."""
