#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What examples/orders promises, with clients and a warehouse from here.

usage: orders.py PROGRAM
"""

import os
import queue
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

LONG = 60
KILLS = 20


class Service:
    def __init__(self, folder):
        self.process = subprocess.Popen([sys.argv[1], folder],
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def end(self, signo):
        self.process.send_signal(signo)
        status = self.process.wait(LONG)
        self.process.stdout.close()
        return status


class Client:
    def __init__(self, folder, name=None):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LONG)
        self.socket.connect(folder + "/orders")
        self.file = self.socket.makefile("r")
        # The one of before may not have been told yet that it is gone.
        while name and self.ask("name " + name) != "ok hello":
            pass

    def ask(self, line):
        self.socket.sendall(line.encode() + b"\n")
        return self.file.readline().rstrip("\n")

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def await_answer(self, line, what):
        end = time.monotonic() + LONG
        while what not in (answer := self.ask(line)):
            assert time.monotonic() < end, answer
        return answer


class Warehouse:
    """Says what came, a tuple (term, id, order, what), by a queue."""

    def __init__(self, folder):
        self.broken = False
        self.came = queue.Queue()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(folder + "/warehouse")
        self.socket.listen(64)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.socket.accept()
            with connection, connection.makefile("r") as file:
                line = file.readline()
                if self.broken or not line:
                    continue
                term, number, order, what = line.rstrip("\n").split(" ", 3)
                self.came.put((int(term), int(number), order, what))
                try:
                    connection.sendall(b"ok\n")
                except OSError:
                    pass


def stored_without_a_warehouse(folder):
    client = Client(folder, "a")
    answer = client.ask("order 1 ten apples")
    assert answer == "ok 1", answer
    answer = client.ask("order 1 ten apples")
    assert answer == "ok 1", answer
    answer = client.ask("track 1")
    assert answer == "ok 1 order", answer
    client.close()


def shipped_when_there_is_one(folder):
    came = warehouse.came.get(timeout=LONG)
    assert came[1:] == (1, "a/1", "ten apples"), came
    client = Client(folder, "a")
    answer = client.await_answer("track 1", "shipped")
    assert answer.startswith("ok 1 order "), answer
    client.close()


def a_name_is_one_client(folder):
    one, two = Client(folder, "one"), Client(folder)
    assert two.ask("name one").startswith("error")
    assert two.ask("order 1 x").startswith("error")
    assert one.ask("clients") == "ok one"
    one.close()
    two.await_answer("name one", "ok")
    two.close()


def nonsense_is_refused(folder):
    client = Client(folder, "a")
    for line in ("", "x", "order", "order 1", "order a/b x", "name b",
                 "track 77", "order " + "r" * 101 + " x"):
        answer = client.ask(line)
        assert answer.startswith("error "), (line, answer)
    client.socket.sendall(b"x" * 1024)
    assert client.file.readline() == "error the line is too long\n"
    assert client.file.readline() == ""
    client.close()


def sixty_at_once(folder):
    client = Client(folder, "many")
    answers = [client.ask(f"order {i} x") for i in range(200)]
    kinds = [answer.split()[0] for answer in answers]
    assert kinds[:60] == ["ok"] * 60, kinds
    assert kinds.count("later") > 60, kinds
    assert set(kinds) == {"ok", "later"}, kinds
    for _ in range(kinds.count("ok")):
        assert warehouse.came.get(timeout=LONG)[2].startswith("many/")
    client.close()


def a_broken_warehouse_is_left_alone(folder):
    warehouse.broken = True
    client = Client(folder, "b")
    assert client.ask("order 1 x").startswith("ok")
    client.await_answer("status", "warehouse open")
    warehouse.broken = False
    assert warehouse.came.get(timeout=LONG)[2] == "b/1"
    client.await_answer("status", "warehouse closed")
    client.close()


def leader(client):
    words = client.await_answer("status", "leader shipper-").split()
    return words[words.index("leader") + 1], int(words[-1])


def a_shipper_takes_over(folder):
    client = Client(folder, "c")
    before, term = leader(client)
    assert client.ask("handover") == "ok from " + before
    other = {"shipper-a": "shipper-b", "shipper-b": "shipper-a"}[before]
    client.await_answer("status", "leader " + other)
    assert leader(client)[1] > term
    assert client.ask("order 1 x").startswith("ok")
    assert warehouse.came.get(timeout=LONG)[0] > term
    client.close()


def a_folder_is_one_service(folder):
    other = subprocess.run([sys.argv[1], folder], capture_output=True,
                           text=True, timeout=LONG)
    assert other.returncode == 1 and "another service has it" in other.stderr


def order_until_killed(folder, name, known, acked):
    try:
        client = Client(folder, name)
        for i in range(50):
            answer = client.ask(f"order {i} {name}-{i}")
            if answer.startswith("ok "):
                known[f"{name}/{i}"] = int(answer[3:])
                acked.put(i)
    except OSError:
        pass


def check_all(folder, known):
    clients = {}
    for order, number in known.items():
        name, ref = order.split("/")
        if name not in clients:
            clients[name] = Client(folder, name)
        answer = clients[name].await_answer("track " + ref, "shipped")
        assert answer.startswith(f"ok {number} order "), answer
    for client in clients.values():
        client.close()
    came, term = {}, 0
    while not warehouse.came.empty():
        one = warehouse.came.get()
        assert one[0] >= term, one
        term = one[0]
        assert came.setdefault(one[2], one[1:]) == one[1:], one
    for order, number in known.items():
        assert came[order] == (number, order, order.replace("/", "-"))


def killed_with_nothing_lost(folder):
    global service
    known = {}
    for kill in range(KILLS):
        acked = queue.Queue()
        some = [threading.Thread(target=order_until_killed,
                                 args=(folder, f"k{kill}t{i}", known, acked))
                for i in range(3)]
        for thread in some:
            thread.start()
        for _ in range(random.randrange(60)):
            acked.get(timeout=LONG)
        assert service.end(signal.SIGKILL) == -signal.SIGKILL
        for thread in some:
            thread.join()
        service = Service(folder)
    assert known
    check_all(folder, known)


def ends_when_told_to(folder):
    client = Client(folder, "d")
    assert service.end(signal.SIGTERM) == 0
    assert client.file.readline() == ""
    client.close()


def case(number, function, folder):
    try:
        function(folder)
        result = "ok"
    except (AssertionError, LookupError, OSError, ValueError,
            queue.Empty) as error:
        print(f"# {type(error).__name__}: {error}")
        result = "not ok"
    print(f"{result} {number} - {function.__name__.replace('_', ' ')}",
          flush=True)
    return result == "ok"


def main():
    global service, warehouse
    random.seed(1)
    cases = (shipped_when_there_is_one, a_name_is_one_client,
             nonsense_is_refused, sixty_at_once,
             a_broken_warehouse_is_left_alone, a_shipper_takes_over,
             a_folder_is_one_service, killed_with_nothing_lost,
             ends_when_told_to)
    with tempfile.TemporaryDirectory() as folder:
        service = Service(folder)
        good = case(1, stored_without_a_warehouse, folder)
        warehouse = Warehouse(folder)
        for number, function in enumerate(cases, 2):
            good = case(number, function, folder) and good
        print(f"1..{len(cases) + 1}")
        service.process.kill()
    sys.exit(not good)


main()
