#!/usr/bin/python3
"""frames.py CERTIFICATE KEY - an Amplify over HTTP/2 that is made of frames.

For http2_frames.t: it says what no library lets a server say.  It has ten apps
with the environments "dev" and "test", looks at no signature, and listens at a
port of 127.0.0.1 that it prints.  Each further line is an order:

    play NAME HOLD TIMES MATCH  the requests whose path has MATCH in it are held,
                                and NAME is played with each HOLD of them on one
                                connection, so many times (-1: for ever)
    settings ID VALUE           each new connection begins with that; 0 0: nothing
    held                        says when NAME has begun to be played

It ends with its standard input.  Requests are read as far as that is needed:
libcurl's HTTP/2 writes the path out, and has no dynamic table where the path
would be.
"""
import json
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse

DATA, HEADERS, RST, SETTINGS, PUSH, PING, GOAWAY, UPDATE, CONTINUATION = (
    0, 1, 3, 4, 5, 6, 7, 8, 9)
END_STREAM = ACK = 1
END_HEADERS = 4
PADDED, PRIORITY = 8, 32
NO_ERROR, INTERNAL, REFUSED, CANCEL, CALM = 0, 2, 7, 8, 11
FLOOD = 20000

# Huffman codes of each length, in their order (RFC 7541, B), as far as paths go
CODES = {5: '012aceiost', 6: ' %-./3456789=A_bdfghlmnpru',
         7: ':BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz', 8: '&*,;XZ', 10: '!"()?'}


class Rules:
    """What is played, and how often it still is"""
    lock = threading.Lock()
    begun = threading.Event()
    play, hold, times, match = None, 1, 0, ''
    settings = b''


def unhuffman(data):
    bits = ''.join(f'{byte:08b}' for byte in data)
    text, first, at = '', 0, 0

    while at < len(bits):
        first = 0
        for length in range(5, 11):
            symbols = CODES.get(length, '')
            code = int(bits[at:at + length].ljust(length, '1'), 2) - first
            if code < len(symbols):
                break
            first = (first + len(symbols)) * 2
        else:
            break               # what fills the last byte
        text += symbols[code]
        at += length
    return text


def number(block, at, bits):
    value = block[at] & ((1 << bits) - 1)
    at += 1
    if value == (1 << bits) - 1:
        shift = 0
        while True:
            value += (block[at] & 127) << shift
            shift += 7
            at += 1
            if block[at - 1] < 128:
                break
    return value, at


def string(block, at):
    length, end = number(block, at, 7)
    data = block[end:end + length]
    return (unhuffman(data) if block[at] & 128 else data.decode()), end + length


def path_of(block):
    at, path = 0, None

    while at < len(block):
        kind = block[at]
        if kind & 128:                          # a field that has been before
            at = number(block, at, 7)[1]
        elif kind & 64 == 0 and kind & 32:      # the size of the table
            at = number(block, at, 5)[1]
        else:
            name, at = number(block, at, 6 if kind & 64 else 4)
            if name == 0:
                at = string(block, at)[1]
            value, at = string(block, at)
            if name in (4, 5):
                path = value
    return path


def fields(*pairs):
    def text(value):
        data = value.encode()
        if len(data) < 127:
            return bytes([len(data)]) + data
        rest, more = len(data) - 127, b'\x7f'
        while rest > 127:
            more += bytes([rest & 127 | 128])
            rest >>= 7
        return more + bytes([rest]) + data
    return b''.join(b'\0' + text(name) + text(value) for name, value in pairs)


def frame(kind, flags, stream, payload=b''):
    return struct.pack('>I', len(payload))[1:] + struct.pack(
        '>BBI', kind, flags, stream) + payload


def response(path):
    """Status and body, as Amplify's"""
    parts = urllib.parse.urlsplit(path).path.strip('/').split('/')
    app = parts[1] if len(parts) > 1 else None

    def environment(name):
        return {'environmentName': name, 'createTime': 1613839973,
                'updateTime': 1613839973, 'backendEnvironmentArn':
                'arn:aws:amplify:us-east-1:123456789012:apps/'
                f'{app}/backendenvironments/{name}'}
    if app is None:
        return 200, {'apps': [{'appId': f'd{n:011}', 'name': f'app{n}'}
                              for n in range(1, 11)]}
    if len(parts) == 3:
        return 200, {'backendEnvironments': [environment(name)
                                             for name in ('dev', 'test')]}
    if parts[3] in ('dev', 'test'):
        return 200, {'backendEnvironment': environment(parts[3])}
    return 404, {'__type': 'NotFoundException', 'message': 'not here'}


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.held = []
        self.late = []

    def read(self, n):
        data = b''
        while len(data) < n:
            more = self.sock.recv(n - len(data))
            if not more:
                raise OSError('the end')
            data += more
        return data

    def send(self, *frames):
        self.sock.sendall(b''.join(frames))

    def answer(self, stream, path):
        self.send(*self.frames(stream, path))

    def frames(self, stream, path):
        status, body = response(path)
        body = json.dumps(body).encode()
        return self.head(stream, status, len(body)), frame(
            DATA, END_STREAM, stream, body)

    @staticmethod
    def head(stream, status, length, *more, flags=END_HEADERS):
        size = [('content-length', str(length))] if length is not None else []
        return frame(HEADERS, flags, stream, fields(
            (':status', str(status)), ('content-type', 'application/json'),
            *size, *more))

    def goaway(self, last, code):
        self.send(frame(GOAWAY, 0, 0, struct.pack('>II', last, code)))

    def reset(self, stream, code):
        self.send(frame(RST, 0, stream, struct.pack('>I', code)))

    def serve(self):
        if self.sock.selected_alpn_protocol() != 'h2':
            raise OSError('HTTP/1')
        self.read(24)
        self.send(frame(SETTINGS, 0, 0, Rules.settings))
        while True:
            size, kind, flags, stream = struct.unpack(
                '>IBBI', b'\0' + self.read(9))
            payload = self.read(size)
            if kind == HEADERS:
                self.take(stream & 0x7fffffff, flags, payload)
            elif kind == RST:
                self.held = [one for one in self.held if one[0] != stream]
            elif kind == SETTINGS and not flags & ACK:
                self.send(frame(SETTINGS, ACK, 0))
            elif kind == GOAWAY:
                return          # or libcurl would let other streams wait
            elif kind == PING and not flags & ACK:
                self.send(frame(PING, ACK, 0, payload))

    def take(self, stream, flags, block):
        if flags & PADDED:
            block = block[1:-block[0]] if block[0] else block[1:]
        block = block[5:] if flags & PRIORITY else block
        path = path_of(block)
        with Rules.lock:
            playing = (Rules.times != 0 and Rules.match in path)
            if playing:
                self.held.append((stream, path))
                playing = len(self.held) >= Rules.hold
                if playing and Rules.times > 0:
                    Rules.times -= 1
                play = Rules.play
                if not playing:
                    return
        if not playing:
            for old in self.late:
                self.answer(*old)
            self.late = []
            self.answer(stream, path)
            return
        held, self.held = self.held, []
        Rules.begun.set()
        getattr(self, play)(held)


class Plays(Connection):
    """Each is given requests that wait on a connection.  Names are of http2_frames.t."""

    # ---- the server ends the connection ----

    def goaway_half(self, held):
        half = held[:len(held) // 2]
        self.goaway(half[-1][0], NO_ERROR)
        for one in half:
            self.answer(*one)
        raise OSError

    def goaway_half_open(self, held):
        """... which it does not close"""
        half = held[:len(held) // 2]
        self.goaway(half[-1][0], NO_ERROR)
        for one in half:
            self.answer(*one)

    def goaway_half_unanswered(self, held):
        self.goaway(held[len(held) // 2][0], NO_ERROR)
        raise OSError

    def goaway_none(self, held):
        self.goaway(0, NO_ERROR)
        raise OSError

    def goaway_calm(self, held):
        self.goaway(held[-1][0], CALM)
        raise OSError

    def goaway_graceful(self, held):
        self.goaway(0x7fffffff, NO_ERROR)
        for one in held:
            self.answer(*one)
        self.goaway(held[-1][0], NO_ERROR)

    def goaway_behind(self, held):
        """After the responses, and nobody waits"""
        for one in held:
            self.answer(*one)
        self.goaway(held[-1][0], NO_ERROR)
        raise OSError

    def close(self, held):
        raise OSError

    # ---- it resets streams ----

    def refuse(self, held):
        for stream, _ in held:
            self.reset(stream, REFUSED)

    def refuse_half(self, held):
        for n, one in enumerate(held):
            if n % 2:
                self.answer(*one)
            else:
                self.reset(one[0], REFUSED)

    def reset_at_once(self, held):
        for stream, _ in held:
            self.reset(stream, INTERNAL)

    def reset_no_error(self, held):
        for stream, _ in held:
            self.reset(stream, NO_ERROR)

    def reset_behind_head(self, held):
        for stream, path in held:
            self.send(self.frames(stream, path)[0])
            self.reset(stream, INTERNAL)

    def reset_behind_404(self, held):
        """What would be no row, if it had ended"""
        for stream, _ in held:
            self.send(self.head(stream, 404, None, (
                'x-amzn-errortype', 'NotFoundException')))
            self.reset(stream, INTERNAL)

    def no_error_behind_404(self, held):
        for stream, _ in held:
            self.send(self.head(stream, 404, None, (
                'x-amzn-errortype', 'NotFoundException')))
            self.reset(stream, NO_ERROR)

    def reset_in_body(self, held):
        for stream, path in held:
            head, body = self.frames(stream, path)
            self.send(head, frame(DATA, 0, stream, body[9:-9]))
            self.reset(stream, CANCEL)

    def reset_behind_body(self, held):
        """All of it, but for the word that it is all"""
        for stream, path in held:
            body = self.frames(stream, path)[1]
            self.send(self.head(stream, 200, None),
                      frame(DATA, 0, stream, body[9:]))
            self.reset(stream, INTERNAL)

    def no_error_behind_body(self, held):
        for stream, path in held:
            body = self.frames(stream, path)[1]
            self.send(self.head(stream, 200, None),
                      frame(DATA, 0, stream, body[9:]))
            self.reset(stream, NO_ERROR)

    def no_error_in_body(self, held):
        for stream, path in held:
            body = self.frames(stream, path)[1]
            self.send(self.head(stream, 200, None),
                      frame(DATA, 0, stream, body[9:-9]))
            self.reset(stream, NO_ERROR)

    def reset_behind_end(self, held):
        """The response is whole, and was before"""
        for one in held:
            self.send(*self.frames(*one))
            self.reset(one[0], NO_ERROR)

    # ---- bodies that are not as long as they are said to be ----

    def longer(self, held):
        for stream, path in held:
            head, body = self.frames(stream, path)
            self.send(head, frame(DATA, END_STREAM, stream, body[9:] + b' '))

    def shorter(self, held):
        for stream, path in held:
            body = self.frames(stream, path)[1]
            self.send(self.head(stream, 200, len(body)), body)

    def no_body(self, held):
        for stream, _ in held:
            self.send(self.head(stream, 200, None,
                                flags=END_HEADERS | END_STREAM))

    # ---- it says what nobody has asked for ----

    def shifted(self, held):
        """Each gets the response to the one before"""
        paths = [path for _, path in held]
        for (stream, _), path in zip(held, paths[-1:] + paths[:-1]):
            self.answer(stream, path)

    def of_nobody(self, held):
        """A response on a stream that there is not"""
        self.answer(held[-1][0] + 100, held[-1][1])
        for one in held:
            self.answer(*one)

    def pushed(self, held):
        stream, path = held[0]
        self.send(frame(PUSH, END_HEADERS, stream, struct.pack('>I', 2) + fields(
            (':method', 'GET'), (':scheme', 'https'), (':path', path),
            (':authority', 'localhost'))))
        self.answer(2, path)
        for one in held:
            self.answer(*one)

    def two_heads(self, held):
        for stream, path in held:
            head, body = self.frames(stream, path)
            self.send(head, self.head(stream, 404, None, (
                'x-amzn-errortype', 'NotFoundException')), body)

    def later(self, held):
        """When another request is there"""
        self.late = held

    # ---- too much of it ----

    def flood_settings(self, held):
        self.send(frame(SETTINGS, 0, 0) * FLOOD)
        for one in held:
            self.answer(*one)

    def flood_ping(self, held):
        self.send(frame(PING, 0, 0, b'12345678') * FLOOD)
        for one in held:
            self.answer(*one)

    def flood_update(self, held):
        self.send(frame(UPDATE, 0, 0, struct.pack('>I', 1)) * FLOOD)
        for one in held:
            self.answer(*one)

    def flood_interim(self, held):
        for stream, _ in held:
            self.send(frame(HEADERS, END_HEADERS, stream, fields(
                (':status', '103'), ('link', 'x' * 1000))) * 500)
        for one in held:
            self.answer(*one)

    def interim(self, held):
        for one in held:
            self.send(frame(HEADERS, END_HEADERS, one[0], fields(
                (':status', '103'), ('x-amzn-errortype', 'NotFoundException'))))
            self.answer(*one)

    def empty_data(self, held):
        self.send(self.head(held[0][0], 200, None))
        self.on_and_on(frame(DATA, 0, held[0][0]))

    def continuation(self, held):
        self.send(self.head(held[0][0], 200, None, flags=0))
        self.on_and_on(frame(CONTINUATION, 0, held[0][0], fields(('a', 'b'))))

    def continuation_empty(self, held):
        self.send(self.head(held[0][0], 200, None, flags=0))
        self.on_and_on(frame(CONTINUATION, 0, held[0][0]))

    def on_and_on(self, part):
        """Until something else is played; not so fast that the reader never waits"""
        play = Rules.play
        while play == Rules.play:
            self.send(part * 1000)
            time.sleep(0.002)
        raise OSError

    def large_frame(self, held):
        self.send(frame(DATA, 0, held[0][0], b' ' * 0xffffff))

    # ---- and too little ----

    def half_head(self, held):
        """Another frame has to follow, and does not"""
        self.send(self.head(held[0][0], 200, None, flags=0))

    def head_only(self, held):
        self.send(self.head(held[0][0], 200, 100))

    def nothing(self, held):
        pass

    # ---- no HTTP/2 ----

    def http1(self, held):
        self.sock.sendall(b'HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n'
                          b'x-amzn-ErrorType: NotFoundException\r\n\r\n{}')

    def noise(self, held):
        self.sock.sendall(b'\xff' * 1000)

    def bad_headers(self, held):
        """An index of a table that is empty"""
        self.send(frame(HEADERS, END_HEADERS | END_STREAM, held[0][0],
                        b'\xff\xff\x01'))

    def update_overflow(self, held):
        self.send(frame(UPDATE, 0, 0, struct.pack('>I', 0x7fffffff)))
        for one in held:
            self.answer(*one)


def run(sock, context):
    try:
        with context.wrap_socket(sock, server_side=True) as tls:
            Plays(tls).serve()
    except OSError:             # of ssl, too
        pass
    finally:
        sock.close()


def accept(listener, context):
    while True:
        sock = listener.accept()[0]
        threading.Thread(target=run, args=(sock, context), daemon=True).start()


def obey(order, *words):
    if order == 'play':
        with Rules.lock:
            Rules.play, Rules.match = words[0], words[3]
            Rules.hold, Rules.times = int(words[1]), int(words[2])
            Rules.begun.clear()
    elif order == 'settings':
        number_, value = map(int, words)
        Rules.settings = struct.pack('>HI', number_, value) if number_ else b''
    elif order == 'held':
        return 'held' if Rules.begun.wait(60) else 'late'
    return 'done'


def main():
    listener = socket.create_server(('127.0.0.1', 0), backlog=100)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*sys.argv[1:3])
    context.set_alpn_protocols(['h2'])
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=accept, args=(listener, context),
                     daemon=True).start()
    for line in sys.stdin:
        print(obey(*line.split()), flush=True)


main()
