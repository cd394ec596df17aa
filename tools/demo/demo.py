"""Serves a page that recognises digits as one draws them, on this machine only.

The page needs no internet: the network runs in the browser. Ctrl-C ends the program.
"""

import argparse
import functools
import http.server
import sys

from lenet import resources


class _Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True  # waits for nothing after an earlier run
    daemon_threads = True


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Prints nothing per request."""


def main() -> None:
    """Serves the page until Ctrl-C; exit code 2 if the port cannot be used."""
    parser = argparse.ArgumentParser(prog="demo", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--port", type=int, default=8000, help="TCP port of the page; 0 takes a free one"
    )
    port = parser.parse_args().port
    folder = resources.path("tools/demo/site/index.html").parent
    try:
        server = _Server(("127.0.0.1", port), functools.partial(_Handler, directory=str(folder)))
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not in 0 to 65535"
        print(f"demo: error: port {port}: {reason}; --port=0 takes a free one", file=sys.stderr)
        sys.exit(2)
    with server:
        print(f"Open http://127.0.0.1:{server.server_port}/ (Ctrl-C ends)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
