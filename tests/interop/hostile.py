"""Datagrams that killed other BMCs, sent to a running vbmcd: it must shrug, and log people in afterwards."""

import random
import socket
import struct

ANSWER_S = 0.25
OPEN_SESSION, RAKP1, RAKP3 = 0x10, 0x12, 0x14


def rmcp_plus(payload_type, payload, session=0, sequence=0):
    header = bytes((0x06, 0x00, 0xFF, 0x07, 0x06, payload_type))
    return header + struct.pack("<IIH", session, sequence, len(payload)) + payload


def open_session(console=0xA0A2A3A4, tag=0, privilege=0, suite=(1, 1, 1)):
    algorithms = b"".join(struct.pack("<BHBI", kind, 0, 8, algorithm) for kind, algorithm in enumerate(suite))
    return rmcp_plus(OPEN_SESSION, struct.pack("<BBHI", tag, privilege, 0, console) + algorithms)


def rakp1(bmc_session, name, length=None, role=0x14):
    length = len(name) if length is None else length
    body = struct.pack("<B3xI", 0, bmc_session) + bytes(range(16)) + struct.pack("<BHB", role, 0, length) + name
    return rmcp_plus(RAKP1, body)


def rakp3(bmc_session, code=bytes(20)):
    return rmcp_plus(RAKP3, struct.pack("<BBHI", 0, 0, 0, bmc_session) + code)


class Stranger:
    """Somebody on the network who has no password."""

    def __init__(self, address, port):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.connect((address, port))
        self.socket.settimeout(ANSWER_S)

    def ask(self, datagram):
        self.socket.send(datagram)
        try:
            return self.socket.recv(2048)
        except (TimeoutError, ConnectionRefusedError):
            return b""

    def opened(self):
        """A fresh half-open session's id, as the BMC names it."""
        answer = self.ask(open_session())
        if len(answer) < 36 or answer[17] != 0:
            return 0
        return struct.unpack_from("<I", answer, 24)[0]

    def close(self):
        self.socket.close()


def killers(stranger):
    """(what it is, the datagram)."""
    yield "RAKP 3 without RAKP 1", rakp3(stranger.opened())
    yield "RAKP 3 for no session", rakp3(0xDEADBEEF)
    yield "RAKP 1 for no session", rakp1(0xDEADBEEF, b"admin")
    yield "RAKP 1 cut after its session id", rakp1(stranger.opened(), b"admin")[:16 + 8]
    yield "RAKP 1 of 27 bytes", rmcp_plus(RAKP1, rakp1(stranger.opened(), b"")[16:16 + 27])
    yield "RAKP 1, name length 229", rakp1(stranger.opened(), b"a" * 229)
    yield "RAKP 1, name length 255", rakp1(stranger.opened(), b"a" * 255)
    yield "RAKP 1, name length 200 and no name", rakp1(stranger.opened(), b"", length=200)
    yield "RAKP 1, name length 17", rakp1(stranger.opened(), b"a" * 17)
    yield "RAKP 1, name that is not UTF-8", rakp1(stranger.opened(), b"\xff\xfe\x80\xc0")
    yield "RAKP 1, name of zeros", rakp1(stranger.opened(), bytes(16))
    yield "RAKP 3, short code", rakp3(stranger.opened(), b"\x00")
    yield "RAKP 3, empty code", rakp3(stranger.opened(), b"")
    yield "RAKP 3, long code", rakp3(stranger.opened(), bytes(200))
    yield "Open Session of suite 0", open_session(suite=(0, 0, 0))
    yield "Open Session without integrity", open_session(suite=(1, 0, 1))
    yield "Open Session cut short", open_session()[:20]
    yield "length that lies", open_session()[:14] + b"\xff\xff" + open_session()[16:]
    yield "IPMI message outside a session", rmcp_plus(0x00, bytes.fromhex("2018c88104013b"))
    yield "encrypted message for session 0", rmcp_plus(0xC0, bytes(48))
    yield "1.5 packet, length 255", bytes.fromhex("0600ff07000000000000000000ff") + bytes(3)
    yield "1.5 packet, MD5 and no code", bytes.fromhex("0600ff070200000000000000")
    yield "RMCP header alone", bytes.fromhex("0600ff07")
    yield "ASF ping cut short", bytes.fromhex("0600ff06000011be80")
    yield "one byte", b"\x06"
    yield "nothing", b""


def check_killers(node, login_works):
    """(row, failure or "") for each of them: no long answer, and log-ins work afterwards."""
    stranger = Stranger(node.address, node.port)
    for what, datagram in killers(stranger):
        answer = stranger.ask(datagram)
        why = ""
        if len(answer) > len(datagram) + 64:
            why = f"{len(answer)} bytes of answer to {len(datagram)} bytes of question"
        elif "suite 0" in what or "without integrity" in what:
            if len(answer) < 18 or answer[17] == 0:
                why = "was accepted"
        elif "outside a session" in what and answer:
            why = "was answered"
        yield what, why
    stranger.close()
    yield "log-in afterwards", "" if login_works() else "a log-in failed"


def check_noise(node, login_works, seed=20, datagrams=4000):
    """Random bytes, and good packets with random damage."""
    chance = random.Random(seed)
    stranger = Stranger(node.address, node.port)
    seeds = [open_session(), rakp1(1, b"admin"), rakp3(1), bytes.fromhex("0600ff07000000000000000000092018c88100388e04b5")]
    for _ in range(datagrams):
        packet = bytearray(chance.choice(seeds))
        for _ in range(chance.randrange(1, 6)):
            packet[chance.randrange(len(packet))] = chance.randrange(256)
        if chance.random() < 0.3:
            packet = packet[:chance.randrange(len(packet))]
        if chance.random() < 0.1:
            packet = bytearray(chance.randbytes(chance.randrange(1500)))
        stranger.socket.send(packet)
    stranger.close()
    yield f"{datagrams} damaged datagrams (seed {seed}), then a log-in", "" if login_works() else "a log-in failed"
