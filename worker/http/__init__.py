"""HTTP/1.1, one call at a time over kept-alive connections: sockets, TLS, proxies, answers."""
