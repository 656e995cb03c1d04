#!/usr/bin/env python3
"""serve.py FOLDER BYTES: serves a folder over http with ranges; each connection for a tar.gz ends after BYTES bytes.

Prints the port, then a line `METHOD PATH RANGE` for each request.
"""

import http.server
import sys
from pathlib import Path


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = Path(sys.argv[1]) / self.path.lstrip("/")
        wanted = self.headers.get("Range")
        print("GET", self.path, wanted or "all", flush=True)
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("ETag", f'"{len(content)}"')
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        stop = start + int(sys.argv[2]) if path.name.endswith(".tar.gz") else len(content)
        self.wfile.write(content[start:stop])

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
