"""The shared memory of one process: names, counters, live instances, and a ring of events (docs/formats/agent-ring.md).

One file per process in the private folder, of fixed size, allocated whole before it is used: a full disk is an error at
the start and never a signal later. Counters are 8-byte cells that only this process writes. `cells[i] += 1` has no point
at which CPython 3.10 and later switch threads, so counts are exact there; on 3.8 and 3.9 two threads that count the same
thing at the same instant may lose one.
"""

import fcntl
import itertools
import mmap
import os
import struct
import sys
import time

MAGIC = int.from_bytes(b"LSAGENT1", "little")
VERSION = 1
NAMES, METERS, INSTANCES, RECORDS = 2048, 1024, 16384, 32768
NAME_SIZE, ROW, RECORD_SIZE = 256, 16, 48  # bytes, cells, bytes
HEADER_SIZE = 4096
NAMES_AT = HEADER_SIZE
METERS_AT = NAMES_AT + NAMES * NAME_SIZE
INSTANCES_AT = METERS_AT + METERS * ROW * 8
RECORDS_AT = INSTANCES_AT + INSTANCES * ROW * 8
SIZE = RECORDS_AT + RECORDS * RECORD_SIZE
RECORD = struct.Struct("<IHHQQIIQII")

# Cells of the header.
(H_MAGIC, H_VERSION, H_PID, H_START, H_NAMES, H_METERS, H_INSTANCES, H_RECORDS) = range(8)
(H_NAMES_USED, H_METERS_USED, H_INSTANCES_USED, H_HEAD, H_PYTHON, H_PARENT, H_SPACE) = range(8, 15)
# Counters of the process, from here on.
(REQUESTS, TASKS, LOOPS, THREADS, TO_SYNC, TO_ASYNC, ERRORS, REFUSED_NAMES, REFUSED_METERS, REFUSED_INSTANCES) = range(
    16, 26
)
(LAYER_SENDS, LAYER_GROUP_SENDS, LAYER_FULL) = range(26, 29)

now = time.monotonic_ns


class Ring:
    """This process's memory. Before it is opened, and where it cannot be, everything is counted into a scratch of its own."""

    def __init__(self):
        self.folder = self.descriptor = None
        self.is_open = False
        self.memory = bytearray(SIZE)
        self.cells = memoryview(self.memory).cast("Q")
        self._forget()

    def _forget(self):
        self.names = {}
        self.meters = {}
        self._name_ids = itertools.count(1)
        self._meter_rows = itertools.count(0)
        self._instance_rows = itertools.count(0)
        self._free = []
        self._indices = itertools.count(0)

    def open(self):
        """Creates the file, once; a failure is said once and leaves the application alone."""
        if self.is_open or self.folder is None:
            return self.is_open
        folder, self.folder = self.folder, None
        try:
            sweep(folder)
            self._create(folder)
            self.folder = folder
            self.is_open = True
        except OSError as error:
            sys.stderr.write("loopscope: nothing is counted in process %d: %s\n" % (os.getpid(), error))
        return self.is_open

    def _create(self, folder):
        path = os.path.join(folder, "%d-%d.ring" % (os.getpid(), now()))
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path + ".new", flags, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, SIZE)
            memory = mmap.mmap(descriptor, SIZE)
            # A reader in another container cannot tell by our number whether we are still there: it asks who holds this.
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.unlink(path + ".new")
            os.close(descriptor)
            raise
        # Never closed: with any descriptor of a file a process gives up its locks on it.
        self.descriptor = descriptor
        cells = memoryview(memory).cast("Q")
        cells[H_VERSION] = VERSION
        cells[H_PID] = os.getpid()
        cells[H_PARENT] = os.getppid()
        cells[H_START] = now()
        cells[H_NAMES], cells[H_METERS], cells[H_INSTANCES], cells[H_RECORDS] = NAMES, METERS, INSTANCES, RECORDS
        cells[H_PYTHON] = sys.hexversion
        cells[H_SPACE] = space()
        cells[H_MAGIC] = MAGIC
        # Before the name is seen everything in it is.
        os.rename(path + ".new", path)
        self.memory, self.cells = memory, cells

    def close(self):
        """Ends it: what still counts does so into nothing."""
        if not self.is_open:
            return
        self.folder, self.is_open = None, False
        # Unmapped with the last that refers to it: a hook may be in the middle of a write.
        self.memory = bytearray(SIZE)
        self.cells = memoryview(self.memory).cast("Q")
        os.close(self.descriptor)

    def reopen(self):
        """In a forked child: a file of its own. Names and counters keep their places, instances stay the parent's."""
        if not self.is_open:
            return
        before, self.is_open = self.cells, False
        names, meters = before[H_NAMES_USED], before[H_METERS_USED]
        identities = [before[METERS_AT // 8 + row * ROW] for row in range(meters)]
        text = bytes(self.memory[NAMES_AT : NAMES_AT + (names + 1) * NAME_SIZE])
        if not self.open():
            self.memory = bytearray(SIZE)
            self.cells = memoryview(self.memory).cast("Q")
            return
        self.memory[NAMES_AT : NAMES_AT + len(text)] = text
        for row, identity in enumerate(identities):
            self.cells[METERS_AT // 8 + row * ROW] = identity
        self.cells[H_NAMES_USED], self.cells[H_METERS_USED] = names, meters
        self._indices = itertools.count(0)

    def name(self, text):
        """The number of a text: class, path, message type, file. 0 when there is no room for another."""
        number = self.names.get(text)
        if number is None:
            number = next(self._name_ids)
            if number >= NAMES:
                self.cells[REFUSED_NAMES] += 1
                return 0
            data = text.encode("utf-8", "backslashreplace")[: NAME_SIZE - 2]
            place = NAMES_AT + number * NAME_SIZE
            self.memory[place + 2 : place + 2 + len(data)] = data
            self.memory[place : place + 2] = len(data).to_bytes(2, "little")
            self.cells[H_NAMES_USED] = max(number, self.cells[H_NAMES_USED])
            self.names[text] = number
        return number

    def meter(self, consumer, message=0):
        """First cell of the counters of a class, or of one message type of it."""
        identity = consumer | message << 32
        place = self.meters.get(identity)
        if place is None:
            row = next(self._meter_rows)
            if row >= METERS - 1:
                self.cells[REFUSED_METERS] += 1
                row = METERS - 1  # one row that is nobody's
            place = METERS_AT // 8 + row * ROW
            if row < METERS - 1:
                self.cells[place] = identity
                self.cells[H_METERS_USED] = max(row + 1, self.cells[H_METERS_USED])
            self.meters[identity] = place
        return place

    def take_instance(self):
        """First cell of a free row for a live instance; the last row is nobody's and takes those that find no room."""
        try:
            return self._free.pop()
        except IndexError:
            row = next(self._instance_rows)
        if row >= INSTANCES - 1:
            self.cells[REFUSED_INSTANCES] += 1
            return INSTANCES_AT // 8 + (INSTANCES - 1) * ROW
        self.cells[H_INSTANCES_USED] = max(row + 1, self.cells[H_INSTANCES_USED])
        return INSTANCES_AT // 8 + row * ROW

    def free_instance(self, place):
        """Gives a row back."""
        if place != NOBODY:
            self.cells[place] = 0
            self.cells[place + 15] = 0
            self._free.append(place)

    def event(self, kind, connection=0, first=0, second=0, value=0, third=0, detail=0, time=None):
        """Writes one record; never waits: the oldest is overwritten, which the reader counts."""
        index = next(self._indices)
        mark = (index + 1) & 0xFFFFFFFF
        RECORD.pack_into(
            self.memory,
            RECORDS_AT + index % RECORDS * RECORD_SIZE,
            mark,
            kind,
            detail,
            now() if time is None else time,
            connection,
            first,
            second,
            value,
            third,
            mark,
        )
        self.cells[H_HEAD] = index + 1


def space():
    """The namespace in which our process number is ours; 0 where it cannot be known."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


def sweep(folder):
    """Removes the memories of processes that have ended, from a folder that nobody else tidies up (`agent install`)."""
    if not os.path.exists(os.path.join(folder, "installed")):
        return
    for name in os.listdir(folder):
        if not name.endswith(".ring"):
            continue
        path = os.path.join(folder, name)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Nobody holds it. One that has closed all its descriptors is still there.
            if not is_running(struct.unpack_from("<15Q", os.pread(descriptor, 120, 0))):
                os.unlink(path)
        except (OSError, struct.error):
            pass
        finally:
            os.close(descriptor)


def is_running(header):
    if header[H_SPACE] != space():
        return False
    try:
        os.kill(header[H_PID], 0)
        return True
    except OSError:
        return False


NOBODY = INSTANCES_AT // 8 + (INSTANCES - 1) * ROW
ring = Ring()


def count(cell, number=1):
    """Adds to a counter of the process."""
    ring.cells[cell] += number
