"""Takes out of an installation what the worker never loads: ``python tools/leave_out.py /app``.

botocore brings the models of all services of AWS. The worker calls three of them, and the chain of
credentials four more; of those every file stays, and so does all that belongs to no service. Which services
botocore's own code makes clients of, tests/unit/test_image.py reads there, so that a new way to credentials
is noticed when it is locked. Binaries and code stay as they were locked.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

CALLED = frozenset({"personalize-events", "kinesis", "dynamodb"})
"""What the worker calls."""
LISTED = frozenset({"personalize"})
"""What else has to be there for the SDK to say in which regions those are."""
FOR_CREDENTIALS = frozenset({"sts", "sso", "sso-oidc", "signin"})
"""What botocore calls on the way to credentials."""


def unused(packages: Path) -> list[Path]:
    """What is left out of this ``site-packages``, in their order."""
    stay = CALLED | LISTED | FOR_CREDENTIALS
    models = sorted(each for each in (packages / "botocore/data").iterdir() if each.is_dir())
    return [
        *(each for each in models if each.name not in stay),
        # Resources, boto3's other interface.
        packages / "boto3/data",
        packages / "boto3/examples",
    ]


def main(prefix: str) -> None:
    """Take it out of the one ``site-packages`` below the prefix."""
    (packages,) = Path(prefix).glob("lib/python3*/site-packages")
    gone = unused(packages)
    for each in gone:
        # What is not there any more is to be noticed: then this list is wrong.
        shutil.rmtree(each)
    print(f"{len(gone)} folders left out of {packages}")


if __name__ == "__main__":
    main(*sys.argv[1:])
