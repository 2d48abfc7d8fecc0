"""Iterators of the emulators of node, made older than they are: nobody waits five minutes for one to expire.

Both hide in an iterator when it was made, by AES-256-CBC under a key that is in kinesalite's ``db/index.js``.
"""

from __future__ import annotations

import subprocess
from typing import Final

_PROGRAM: Final = """
const crypto = require('crypto')
const key = Buffer.from('1133a5a833666b49abf28c8ba302930f0b2fb240dccd43cf4dfbc0ca91f17751', 'hex')
const iv = Buffer.from('7bf139dbabbea2d9995d6fcae1dff7da', 'hex')
const [text, seconds] = process.argv.slice(1)
const bytes = Buffer.from(text, 'base64')
const decipher = crypto.createDecipheriv('aes-256-cbc', key, iv)
const plain = Buffer.concat([decipher.update(bytes.subarray(8)), decipher.final()]).toString()
const made = String(Number(plain.slice(0, 14)) - 1000 * Number(seconds)).padStart(14, '0')
const cipher = crypto.createCipheriv('aes-256-cbc', key, iv)
const older = Buffer.concat([cipher.update(made + plain.slice(14)), cipher.final()])
process.stdout.write(Buffer.concat([bytes.subarray(0, 8), older]).toString('base64'))
"""


def made_older(iterator: str, seconds: int) -> str:
    """Return the same iterator, as it would be if it had been made so long before."""
    command = ["node", "-e", _PROGRAM, iterator, str(seconds)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
