"""Runs a Milvus 2.3 server until its standard input closes: ``python milvus_server.py FOLDER`` prints the port.

A process of its own, because the package changes the working directory and ends its server only when asked to.
"""

from __future__ import annotations

import sys

from milvus import MilvusServer


class WatchedServer(MilvusServer):
    """Notices when the server ends by itself; the package would wait for it for three minutes."""

    @property
    def running(self) -> bool:
        return self.server_proc is not None and self.server_proc.poll() is None


if __name__ == "__main__":
    server = WatchedServer(data_dir=sys.argv[1])
    server.config.set("authorization_enabled", True)
    try:
        server.start()
        sys.stdout.write(f"{server.listen_port}\n")
        sys.stdout.flush()
        sys.stdin.read()
    finally:
        server.stop()
