"""What kazoo's users do, against the servers given as the argument. Prints `all well` at the end."""

import socket
import sys
import threading

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import BadVersionError, NoAuthError, NodeExistsError, NoNodeError, NotEmptyError
from kazoo.security import make_digest_acl

hosts = sys.argv[1]
root = "/kazoo"


def connect(**options):
    client = KazooClient(hosts=hosts, timeout=4.0, **options)
    client.start(timeout=10)
    return client


a, b = connect(), connect()

# Nodes
a.ensure_path(root + "/nodes/deep")
assert a.create(root + "/nodes/x", b"one") == root + "/nodes/x"
path, stat = a.create(root + "/nodes/y", b"two", include_data=True)
assert path == root + "/nodes/y" and stat.version == 0 and stat.dataLength == 3
data, stat = a.get(root + "/nodes/x")
assert data == b"one" and stat.ephemeralOwner == 0
a.set(root + "/nodes/x", b"new", version=0)
for expected, attempt in [
    (BadVersionError, lambda: a.set(root + "/nodes/x", b"", version=0)),
    (NodeExistsError, lambda: a.create(root + "/nodes/x")),
    (NoNodeError, lambda: a.get(root + "/nope")),
    (NotEmptyError, lambda: a.delete(root + "/nodes")),
]:
    try:
        attempt()
    except expected:
        pass
    else:
        raise AssertionError("no %s" % expected.__name__)
b.sync(root)
children, stat = b.get_children(root + "/nodes", include_data=True)
assert sorted(children) == ["deep", "x", "y"] and stat.numChildren == 3
assert a.create(root + "/nodes/s-", sequence=True).endswith("0000000003")
a.delete(root + "/nodes", recursive=True)
assert a.exists(root + "/nodes") is None

# Transactions
t = a.transaction()
t.create(root + "/t1", b"x")
t.set_data(root + "/t1", b"y", version=0)
t.check(root + "/t1", version=1)
t.delete(root + "/t1", version=1)
results = t.commit()
assert results[0] == root + "/t1" and results[1].version == 1 and results[2:] == [True, True], results
t = a.transaction()
t.create(root + "/t2")
t.delete(root + "/nope")
results = t.commit()
assert isinstance(results[1], NoNodeError), results
assert a.exists(root + "/t2") is None

# Watches
seen = threading.Event()
values = []


@a.DataWatch(root + "/watched")
def changed(data, stat, event):
    values.append(data)
    if data == b"second":
        seen.set()


b.create(root + "/watched", b"first")
b.set(root + "/watched", b"second")
assert seen.wait(10), values
assert values[0] is None and values[-1] == b"second", values

# Ephemeral nodes go with their session
b.create(root + "/e", ephemeral=True)
gone = threading.Event()
a.sync(root)
assert a.exists(root + "/e", watch=lambda event: gone.set()) is not None
b.stop()
assert gone.wait(10)
b.start(timeout=10)

# Locks
order = []
lock_a, lock_b = a.Lock(root + "/lock", "a"), b.Lock(root + "/lock", "b")
lock_a.acquire(timeout=10)


def second():
    with lock_b:
        order.append("b")


thread = threading.Thread(target=second)
thread.start()
order.append("a")
lock_a.release()
thread.join(10)
assert order == ["a", "b"], order

# Elections
elected = threading.Event()
thread = threading.Thread(target=lambda: a.Election(root + "/election", "me").run(elected.set))
thread.start()
assert elected.wait(10)
thread.join(10)

# Queues
queue = a.Queue(root + "/queue")
for item in (b"1", b"2", b"3"):
    queue.put(item)
assert [queue.get() for _ in range(3)] == [b"1", b"2", b"3"]

# Access control
owner = connect(auth_data=[("digest", "user:password")])
owner.create(root + "/closed", b"x", acl=[make_digest_acl("user", "password", all=True)])
a.sync(root)
try:
    a.get(root + "/closed")
except NoAuthError:
    pass
else:
    raise AssertionError("no NoAuthError")
assert owner.get(root + "/closed")[0] == b"x"

# Admin words, as kazoo reads them
assert a.server_version()[:2] == (3, 8), a.server_version()
assert a.command(b"ruok") == "imok"

# Through a lost connection
states = []
a.add_listener(lambda state: states.append(state))
session = a.client_id[0]
a.create(root + "/mine", ephemeral=True)
back = threading.Event()
a.add_listener(lambda state: back.set() if state == KazooState.CONNECTED else None)
a._connection._socket.shutdown(socket.SHUT_RDWR)
assert back.wait(10), states
assert a.client_id[0] == session
assert a.exists(root + "/mine").ephemeralOwner == session

owner.delete(root, recursive=True)
for client in (a, b, owner):
    client.stop()
    client.close()
print("all well")
