# The Python peer of sysv/internal/test/interop, whose documentation has the commands.
import errno
import struct
import sys

import sysv_ipc


class Unable(Exception):
    pass


def segment(key):
    return sysv_ipc.SharedMemory(int(key))


def set_of(key):
    s = sysv_ipc.Semaphore(int(key))
    s.undo = True  # sysv_ipc does without it unless told
    return s


def only_the_first(num):
    if int(num) != 0:
        raise Unable("sysv_ipc sees a set's first semaphore only")


def key_of(name):
    h = 2166136261
    for byte in name.encode():
        h = (h ^ byte) * 16777619 & 0xffffffff
    h = h or 1
    return h - (h >> 31 << 32)


def make_segment(key, size):
    sysv_ipc.SharedMemory(int(key), sysv_ipc.IPC_CREX, size=int(size))


def write(key, offset, data):
    segment(key).write(bytes.fromhex(data), int(offset))


def read(key):
    return segment(key).read().hex()


def make_set(key, value, *more):
    only_the_first(len(more))
    sysv_ipc.Semaphore(int(key), sysv_ipc.IPC_CREX, initial_value=int(value))


def bare_set(key):
    raise Unable("sysv_ipc always gives a value")


def set_value(key, num, value):
    only_the_first(num)
    set_of(key).value = int(value)


def value(key, num):
    only_the_first(num)
    return set_of(key).value


def lock(key):
    set_of(key).acquire()


def unlock(key):
    set_of(key).release()


def count(key, n):
    s, m = set_of(key), segment(key)
    for _ in range(int(n)):
        s.acquire()
        (counter,) = struct.unpack("=I", m.read(4, 0))
        m.write(struct.pack("=I", counter + 1), 0)
        s.release()


def queue(key, flags=0):
    # sysv_ipc takes messages of up to 2048 bytes unless told
    return sysv_ipc.MessageQueue(int(key), flags, max_message_size=8192)


def make_queue(key):
    queue(key, sysv_ipc.IPC_CREX)


def send(key, type, data):
    queue(key).send(b"" if data == "-" else bytes.fromhex(data), type=int(type))


def receive(key, which):
    data, type = queue(key).receive(type=int(which))
    return f"{type} {data.hex() or '-'}"


def receive_by_default(key):
    try:
        data, type = sysv_ipc.MessageQueue(int(key)).receive()
    except OSError as e:
        if e.errno != errno.E2BIG:
            raise
        return "refused"
    return f"{type} {data.hex() or '-'}"


commands = {
    "ftok": lambda path, project: sysv_ipc.ftok(path, int(project), True),
    "key-of": lambda name: key_of("" if name == "-" else bytes.fromhex(name).decode()),
    "make-segment": make_segment,
    "write": write,
    "read": read,
    "make-set": make_set,
    "bare-set": bare_set,
    "set-value": set_value,
    "value": value,
    "lock": lock,
    "unlock": unlock,
    "count": count,
    "make-queue": make_queue,
    "send": send,
    "receive": receive,
    "receive-by-default": receive_by_default,
}

for line in sys.stdin:
    verb, *args = line.split()
    try:
        result = commands[verb](*args)
        print("ok" if result is None else f"ok {result}", flush=True)
    except Unable as e:
        print("unable", e, flush=True)
