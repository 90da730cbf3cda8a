"""Runs cases of Autobahn's WebSocket test suite against a server, as the suite's own fuzzing client does.

    run.py URL AT-ONCE PATTERN...

So many cases run at once; most of them only wait. A pattern is an id, or the beginning of one and a `*`; one that begins with `!` leaves cases out. Each line of the output is a
JSON object: the case's id, `behavior` and `behaviorClose` in the suite's words, and what was expected and seen. Whoever reads
them judges.
"""

import codecs
import fnmatch
import json
import sys

import autobahn.websocket.protocol as protocol
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet import reactor
from twisted.internet.error import ReactorNotRunning

import suite

#: The suite gives up on a server within a second here and there. A busy machine is no fault of the server's: nothing that passes
#: waits for the end of this.
PATIENCE_SECONDS = 20

#: Where a case sends its parts a second apart, and sees whether it is refused in between, it takes more time too.
SLOWLY = 3

#: The cases about compression say a thousand messages each, of up to 128 KiB, for half an hour in all. This many differ as much.
COMPRESSED_MESSAGES = 20

#: No run that passes waits for the end of this.
RUN_SECONDS = 240


class Masker:
    """Masks a frame's payload in one operation: byte by byte in Python, the large cases would take minutes."""

    def __init__(self, mask, _length=None):
        self.mask, self.at = mask, 0

    def process(self, payload):
        length, at = len(payload), self.at % 4
        self.at += length
        key = (self.mask * (length // 4 + 2))[at:at + length]
        return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(length, "big")

    def pointer(self):
        return self.at


class Utf8:
    """Judges what the server says, for the same reason."""

    def reset(self):
        self.decoder = codecs.getincrementaldecoder("utf-8")()

    __init__ = reset

    def validate(self, payload):
        try:
            self.decoder.decode(bytes(payload))
        except UnicodeDecodeError:
            return False, False, 0, 0
        return True, not self.decoder.getstate()[0], len(payload), len(payload)


protocol.create_xor_masker = Masker
protocol.Utf8Validator = Utf8


def to_wire(payload):
    return payload if isinstance(payload, bytes) else payload.encode("latin-1")


class Client(WebSocketClientProtocol):
    """One connection, which is one case. The cases use these names."""

    def __init__(self, case, name):
        super().__init__()
        self.name = name
        self.connectionWasOpen = False
        self.createWirelog = False
        self.txFrameStats = {}
        # The cases about compression hash payloads, and do so in bytes.
        self.speaks_bytes = hasattr(case, "TESTDATA")
        if self.speaks_bytes:
            case.COUNT = COMPRESSED_MESSAGES
        self.make_case = lambda: case(self)

    def onOpen(self):
        self.connectionWasOpen = True
        self.case.onOpen()

    def from_wire(self, payload):
        return payload if self.speaks_bytes else payload.decode("latin-1")

    def onMessage(self, payload, isBinary):
        self.case.onMessage(self.from_wire(payload), isBinary)

    def onPong(self, payload):
        self.case.onPong(self.from_wire(payload))

    def onClose(self, wasClean, code, reason):
        self.case.onClose(wasClean, code, reason)

    def sendFrame(self, opcode, payload=b"", **how):
        self.txFrameStats[opcode] = self.txFrameStats.get(opcode, 0) + 1
        super().sendFrame(opcode, to_wire(payload), **how)

    def sendMessage(self, payload, *how, **more):
        super().sendMessage(to_wire(payload), *how, **more)

    def sendMessageFrameData(self, payload, sync=False):
        return super().sendMessageFrameData(to_wire(payload), sync)

    def sendCloseFrame(self, code=None, reasonUtf8=None, isReply=False):
        super().sendCloseFrame(code, None if reasonUtf8 is None else to_wire(reasonUtf8), isReply)

    def continueLater(self, delay, then, tag=None):
        self.later(delay * SLOWLY, then)

    def killAfter(self, delay):
        self.later(max(delay, PATIENCE_SECONDS), self._fail_connection)

    def closeAfter(self, delay):
        # A case that is to end by closing waits a second for it, one that gives up waits for ten or more.
        self.later(delay if delay < 10 else RUN_SECONDS, self.sendClose)

    def enableWirelog(self, enable):
        pass

    def later(self, delay, then):
        reactor.callLater(delay, lambda: self.state != self.STATE_CLOSED and then())

    def connectionLost(self, reason):
        super().connectionLost(reason)
        self.case.onConnectionLost(self.failedByMe)
        print(json.dumps({
            "id": self.name,
            "behavior": self.case.behavior,
            "behaviorClose": self.case.behaviorClose,
            "result": self.case.result,
            "resultClose": self.case.resultClose,
            "expected": limited(self.case.expected),
            "received": limited(self.case.received),
            "code": self.remoteCloseCode,
        }), flush=True)
        self.factory.suite_goes_on()


def limited(what):
    text = repr(what)
    return text if len(text) <= 200 else text[:200] + " …"


class Factory(WebSocketClientFactory):
    """Connects once for each case."""

    def __init__(self, url, at_once, cases):
        super().__init__(url)
        # As the suite's client does, but for its patience.
        self.setProtocolOptions(
            failByDrop=False,
            openHandshakeTimeout=PATIENCE_SECONDS,
            closeHandshakeTimeout=PATIENCE_SECONDS,
            serverConnectionDropTimeout=PATIENCE_SECONDS,
        )
        self.at_once = at_once
        self.cases = iter(cases.items())
        self.under_way = 0

    def buildProtocol(self, address):
        name, case = self.waiting.pop(0)
        client = Client(case, name)
        client.factory = self
        client.case = client.make_case()
        return client

    def begin(self):
        self.waiting = []
        for _ in range(self.at_once):
            self.next_case()

    def next_case(self):
        case = next(self.cases, None)
        if case is not None:
            self.under_way += 1
            self.waiting.append(case)
            reactor.connectTCP(self.host, self.port, self)

    def suite_goes_on(self):
        self.under_way -= 1
        self.next_case()
        if self.under_way == 0:
            stop()

    def clientConnectionFailed(self, connector, reason):
        print(f"cannot connect: {reason.getErrorMessage()}", file=sys.stderr)
        stop()


def stop():
    try:
        reactor.stop()
    except ReactorNotRunning:
        pass


def chosen(cases, patterns):
    takes = [pattern for pattern in patterns if not pattern.startswith("!")]
    leaves = [pattern[1:] for pattern in patterns if pattern.startswith("!")]

    def matches(name, patterns):
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)

    return {name: case for name, case in cases.items() if matches(name, takes) and not matches(name, leaves)}


def main(url, at_once, *patterns):
    factory = Factory(url, int(at_once), chosen(suite.load(), patterns))
    reactor.callWhenRunning(factory.begin)
    reactor.callLater(RUN_SECONDS, stop)
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
