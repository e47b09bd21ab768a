#!/usr/bin/python3
"""Open Sessions from one stranger as fast as asked: flood.py IP PORT PER_SECOND SECONDS. Prints the rate."""

import socket
import sys
import time

from hostile import open_session

BATCH_S = 0.005


def main():
    ip, port, per_second, seconds = sys.argv[1], *map(int, sys.argv[2:])
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.bind(("127.0.99.99", 0))
    stranger.connect((ip, port))
    packets = [open_session(console=n + 1, tag=n & 0xFF) for n in range(256)]
    start = time.monotonic()
    sent = refused = 0
    while (now := time.monotonic()) < start + seconds:
        due = int((now - start) * per_second)
        while sent < due:
            try:
                stranger.send(packets[sent & 0xFF])
            except OSError:
                refused += 1
            sent += 1
        time.sleep(BATCH_S)
    print(f"sent {sent} in {time.monotonic() - start:.1f} s, {(sent - refused) / seconds:.0f} a second")
    return 0


if __name__ == "__main__":
    sys.exit(main())
