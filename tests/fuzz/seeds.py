#!/usr/bin/env python3
"""Writes seeds for the fuzz targets from the golden packets: tests/fuzz/seeds.py FOLDER

Each target gets a folder. Minimise them with libFuzzer's -merge=1 into tests/fuzz/corpus.
"""

import pathlib
import struct
import sys

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"

# Requests as clients send them: netFn, command, data.
REQUESTS = """
06 01|06 02|06 03|06 04|06 06 a0 a0|06 07|06 08|06 09 01|06 0a 01 00 00|06 0b 01 00 00 00
06 22|06 24 03 01 0a 00 64 00|06 25|06 2e 0b|06 2f|06 30 ff|06 31|06 34 00 20 18 c8 81 04 01 7a
06 37|06 38 8e 04|06 3b 04|06 3b 00|06 3c 00 00 00 00 01|06 3d 00|06 3d 01|06 3d fe 01
06 40 01 42 04|06 41 0e 40|06 42 0e|06 43 91 03 03|06 44 01 02
06 45 04 6e 65 77 00 00 00 00 00 00 00 00 00 00 00 00 00|06 46 02
06 47 04 02 73 65 63 72 65 74 31 32 33 00 00 00 00 00 00 00
06 47 84 02 73 65 63 72 65 74 31 32 33 00 00 00 00 00 00 00 00 00 00 00|06 47 04 01
06 48 01 01 c6 00 00 00|06 49 01 01 00 00 00 00|06 4a 01|06 4b 01 01|06 4c 01 02 02 00 00 00
06 4d 01 02|06 4e 0e|06 4f 0e 00|06 54 0e 00 80|06 55 00|06 56 00 00|06 57 00|06 58 02 00 01 04 61 62 63
06 59 00 02 00 00|00 00|00 01|00 02 00|00 02 01|00 02 02|00 02 03|00 02 04|00 02 05|00 03
00 04 0f 01|00 05 00 20 20 20 20|00 06 02|00 07|00 08 03 08|00 08 04 01 01|00 08 05 e0 04 00 00 00
00 08 00 01|00 09 05 00 00|00 0a 03|00 0b 05|00 0f|04 00 20 00|04 01|04 02 04 01 30 01 59 ff ff
04 10|04 12 02 01|04 13 01 00 00|04 14|04 15|04 16 01 02|04 20 01|04 21 00 00 00 00 00 ff|04 22
04 23 10 00|04 24 10 ff 01 01|04 25 10 ff|04 26 10 38 00 00 00 55 60 65|04 27 10
04 28 10 e0 00 00 00 00|04 29 10|04 2a 10 00|04 2b 10|04 2d 10|04 2d 01|04 2e 10 01 01|04 2f 10
0a 10 00|0a 11 00 00 00 10|0a 12 00 10 00 41 42|0a 20|0a 21|0a 22|0a 23 00 00 00 00 00 10
0a 24|0a 25|0a 26|0a 27|0a 28|0a 29 00 00 00 50|0a 2a|0a 2b|0a 2c|0a 40|0a 41|0a 42
0a 43 00 00 00 00 00 ff|0a 44 00 00 02 00 00 00 00 20 00 04 01 30 6f 00 ff ff|0a 46 01 00 01 00
0a 45 00 00 00 00 00 01 02|0a 47 01 00 43 4c 52 aa|0a 48|0a 49 00 00 00 50|0a 5a 00|0a 5b 00 00 00 00 00
0a 5c|0a 5d 3c 00|0c 01 01 00 01|0c 02 01 03 00 00|0c 02 01 18 00 00|0c 03 01 00|0c 04 01 00
0c 21 01 01 01|0c 21 01 04 07 00|0c 21 01 03 00 01|0c 22 01 04 00 00|2c 00 00|2c 3e 00 02
2c 01 dc 01|2c 02 dc 01 00 00|2c 03 dc 00 00|2c 04 dc 00 00 00 00 64 00 e8 03 00 00 00 00 01 00
2c 05 dc 01 00 00|2c 06 dc 00 10|2c 07 dc 01 40 00 01|2c 08 dc 00 03 61 62 63|2c 09 dc 00 10
2c 0a dc 00 02 61 00|2c 10 dc 01 42 00 01|2c 12 dc 01 07|2c 13 dc 01 00|3c 01 00|3c 02 01 2f|30 70 0c 00
"""


def requests():
    for line in REQUESTS.split("\n"):
        for text in filter(None, line.split("|")):
            yield bytes.fromhex(text)


def conversations():
    for path in sorted(GOLDEN.glob("*.txt")):
        packets = [
            bytes.fromhex(line[2:]) for line in path.read_text().splitlines() if line.startswith("> ")
        ]
        yield path.stem, packets


def record(packet):
    return struct.pack("<H", len(packet)) + packet


def write(folder, target, seeds):
    place = folder / target
    place.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (place / f"seed-{number:03}").write_bytes(seed)


def datagrams():
    for name, packets in conversations():
        for options in (0x10, 0x1f, 0x1b):
            yield bytes([options]) + b"".join(map(record, packets[:8]))
        for packet in packets:
            yield b"\x1f" + record(packet)


def request(data):
    return bytes([0, data[0], data[1], len(data) - 2]) + data[2:]


SOL_PACKETS = [b"\1\0\0\0ls\r", b"\2\1\3\0", b"\0\2\4\0", b"\3\0\0\x10", b"\4\0\0\x0b", b"\0\2\1\x40"]


def sessions():
    everything = list(requests())
    seen = bytes([4, 0, 2])  # on
    done = bytes([4, 1, 0])
    for number, data in enumerate(everything):
        tail = request(data) + b"\6" + done + bytes([5, 30, 0])
        yield bytes([number % 32]) + seen + tail
    for start in range(0, len(everything), 12):
        yield bytes([0]) + seen + b"".join(request(data) for data in everything[start:start + 12])
    activate = request(bytes.fromhex("06480101c6000000"))
    typed = b"".join(bytes([2, len(packet)]) + packet for packet in SOL_PACKETS)
    printed = bytes([4, 6, 20]) + b"login: " * 2 + b"123456"
    yield b"\0" + activate + printed + typed + bytes([5, 20, 0]) + request(
        bytes.fromhex("064901010000 0000")
    )
    yield b"\1" + bytes([7, 30]) + bytes(range(30)) + bytes([1, 4]) + b"\x20\x18\xc8\x81"


def fields():
    for index in range(160):
        yield struct.pack("<H", index)
        for size in (1, 2, 4, 6, 16, 20):
            yield struct.pack("<H", index) + bytes(range(1, size + 1))


def loads():
    for section in range(9):
        yield bytes([section])
        yield bytes([section, 1])
        yield bytes([section, 2])
        yield bytes([section | 0x80])
        for at in (0, 1, 2, 5, 9, 20, 40, 80):
            for how in (0, 1, 2, 7):
                yield bytes([section | 0x80, at, 0, how, 0xff])


def sols():
    for timing in (b"\x0c\x60\7\x32", b"\1\1\0\1", b"\0\0\0\0"):
        operations = b"".join(bytes([0, len(packet)]) + packet for packet in SOL_PACKETS)
        yield timing + operations
        yield timing + bytes([1, 6]) + b"login:" + bytes([3, 50]) + operations + bytes([3, 255])
        yield timing + bytes([2, 0, 255, 3, 100, 2, 255, 255, 4, 0, 3, 100, 4, 1, 3, 9])


def main():
    folder = pathlib.Path(sys.argv[1])
    write(folder, "datagram", datagrams())
    write(folder, "session", sessions())
    write(folder, "fields", fields())
    write(folder, "load", loads())
    write(folder, "sol", sols())


if __name__ == "__main__":
    main()
