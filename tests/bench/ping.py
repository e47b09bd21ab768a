"""Asks many BMCs for their authentication capabilities until every one has answered."""

import itertools
import select
import socket
import time

# Get Channel Authentication Capabilities, IPMI 1.5 framing, without a session.
QUESTION = bytes.fromhex("0600ff07 00 00000000 00000000 09 20 18 c8 81 00 38 8e 04 b5")


AT_A_TIME = 512
PATIENCE_S = 0.02


def until_all_answer(host, ports, timeout):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
        waiting = dict.fromkeys(sorted(ports))
        give_up = time.monotonic() + timeout
        while waiting:
            if time.monotonic() > give_up:
                raise TimeoutError(f"{len(waiting)} BMCs do not answer")
            asked = set(itertools.islice(waiting, AT_A_TIME))
            for port in asked:
                sock.sendto(QUESTION, (host, port))
            while asked and select.select([sock], [], [], PATIENCE_S)[0]:
                for port in _answers(sock):
                    asked.discard(port)
                    waiting.pop(port, None)


def _answers(sock):
    """The ports of all answers that are there."""
    while True:
        try:
            yield sock.recvfrom(256)[1][1]
        except BlockingIOError:
            return
