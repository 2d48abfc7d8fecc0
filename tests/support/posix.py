"""POSIX expressions as librdkafka reads them: the same functions of the C library, with the same flag."""

from __future__ import annotations

import ctypes

# REG_EXTENDED is 1 in glibc, musl and Apple's libc; a regex_t has some 64 bytes.
_REG_EXTENDED = 1
_REGEX_T_BYTES = 512
_library = ctypes.CDLL(None)


def found_by_posix(pattern: str, name: str) -> bool:
    """Whether librdkafka finds the pattern in the name (rdregex.c: regcomp, regexec).

    Raises:
        ValueError: it takes it for no pattern.
    """
    compiled = ctypes.create_string_buffer(_REGEX_T_BYTES)
    if _library.regcomp(compiled, pattern.encode(), _REG_EXTENDED):
        raise ValueError(pattern)
    try:
        return bool(_library.regexec(compiled, name.encode(), 0, None, 0) == 0)
    finally:
        _library.regfree(compiled)
