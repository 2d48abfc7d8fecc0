"""HTTP/1.1 for one POST at a time over kept-alive connections: sockets, TLS, proxies, answers."""
