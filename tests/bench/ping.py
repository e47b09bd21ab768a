"""Asks many BMCs for their authentication capabilities until every one has answered."""

import select
import socket
import time

# Get Channel Authentication Capabilities, IPMI 1.5 framing, without a session.
QUESTION = bytes.fromhex("0600ff07 00 00000000 00000000 09 20 18 c8 81 00 38 8e 04 b5")


def until_all_answer(host, ports, timeout):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
        waiting = set(ports)
        give_up = time.monotonic() + timeout
        while waiting:
            if time.monotonic() > give_up:
                raise TimeoutError(f"{len(waiting)} BMCs do not answer")
            for port in sorted(waiting)[:256]:
                sock.sendto(QUESTION, (host, port))
            until = time.monotonic() + 0.02
            while waiting and select.select([sock], [], [], max(0, until - time.monotonic()))[0]:
                try:
                    _, sender = sock.recvfrom(256)
                    waiting.discard(sender[1])
                except OSError:
                    pass
