"""A line to PostgreSQL that the tests cut where they want, or put a pooler's mask on."""

import asyncio
import contextlib
import struct
from datetime import timedelta

SOON = timedelta(seconds=10)
COMMIT = b"COMMIT\0"


async def until(check):
    async with asyncio.timeout(SOON.total_seconds()):
        while not await check():  # noqa: ASYNC110 - it is the server's work
            await asyncio.sleep(0.01)


async def somebody_waits(postgres):
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    await until(lambda: postgres.command(waiting))


class Line:
    """Listens on a port of its own and passes everything on to the server's socket.

    `masked`: the server's process id is changed on its way, as a pooler does it.
    """

    def __init__(self, folder, *, masked=False):
        self._socket = str(folder / ".s.PGSQL.5432")
        self._masked = masked
        self._marker = None
        self._is_answered = False
        self._is_down = False
        self._writers = set()
        self._tasks = set()
        self.was_cut = asyncio.Event()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        self.drop_all()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def url(self, database="terkirim"):
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}?sslmode=disable"

    def cut_at_commit(self, marker, *, is_done):
        """Cut the connection that has ever sent `marker`, when it sends its next COMMIT.

        `is_done`: the server gets the COMMIT, and only its answer is lost.
        """
        self._marker, self._is_done = marker, is_done
        self.was_cut.clear()

    def take_down(self):
        """Drop every connection, and refuse new ones."""
        self._is_down = True
        self.drop_all()

    def bring_up(self):
        self._is_down = False

    def drop_all(self):
        for writer in [*self._writers]:
            writer.transport.abort()

    async def _pass_on(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        if self._is_down:
            writer.transport.abort()
            return
        server_reader, server_writer = await asyncio.open_unix_connection(self._socket)
        own = {writer, server_writer}
        self._writers |= own
        state = {"seen": b"", "swallows": False}
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await asyncio.gather(
                self._to_server(reader, server_writer, writer, state),
                self._to_client(server_reader, writer, state),
            )
        self._writers -= own
        for one in own:
            one.transport.abort()

    async def _to_server(self, reader, server, client, state):
        while data := await reader.read(65_536):
            state["seen"] += data
            if self._marker and COMMIT in data and self._marker in state["seen"]:
                self._marker = None
                if not self._is_done:
                    client.transport.abort()
                    server.transport.abort()
                    self.was_cut.set()
                    return
                state["swallows"] = True
            server.write(data)
            await server.drain()
        server.transport.abort()

    async def _to_client(self, server, client, state):
        is_first = True
        while data := await server.read(65_536):
            if state["swallows"]:  # the answer to the COMMIT: it is done, and nobody hears of it
                client.transport.abort()
                self.was_cut.set()
                return
            if self._masked and is_first and b"K\0\0\0\x0c" in data:
                data, is_first = _with_other_pid(data), False
            client.write(data)
            await client.drain()
        client.transport.abort()


def _with_other_pid(data):
    at = data.index(b"K\0\0\0\x0c") + 5
    (pid,) = struct.unpack_from("!I", data, at)
    return data[:at] + struct.pack("!I", pid ^ 1) + data[at + 4 :]
