"""One address for Kinesis, DynamoDB and CloudWatch, for clients that can be told of one only.

``python -m tests.support.aws_front STREAMS_URL TABLES_URL`` prints ``{"url": ...}`` and serves until it ends.
CloudWatch takes whatever comes.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final

import msgspec
from aiohttp import ClientSession, web

_MAX_BYTES: Final = 64 << 20
_OF_A_HOP: Final = {
    "host",
    "content-length",
    "connection",
    "transfer-encoding",
    "expect",
    "date",
    "content-encoding",
}


def _passed_on(headers: object) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _OF_A_HOP}  # type: ignore[attr-defined]  # of aiohttp


async def serve(streams_url: str, tables_url: str) -> None:
    """Serve for ever."""
    async with ClientSession() as session:

        async def handle(request: web.Request) -> web.Response:
            target = request.headers.get("X-Amz-Target", "")
            if not target.startswith(("Kinesis", "DynamoDB")):
                return web.Response(text="<PutMetricDataResponse/>", content_type="text/xml")
            url = streams_url if target.startswith("Kinesis") else tables_url
            body = await request.read()
            async with session.post(f"{url}/", data=body, headers=_passed_on(request.headers)) as answer:
                content = await answer.read()
                return web.Response(status=answer.status, body=content, headers=_passed_on(answer.headers))

        app = web.Application(client_max_size=_MAX_BYTES)
        app.router.add_route("*", "/{tail:.*}", handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        print(msgspec.json.encode({"url": f"http://127.0.0.1:{port}"}).decode(), flush=True)  # noqa: T201  its output
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:3]))
