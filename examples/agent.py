#!/usr/bin/python3
# SPDX-License-Identifier: 0BSD
"""An agent in Python: lines of JSON on stdin and stdout.

Agent has the loop; a method of the agent is a function that is given params and
returns a result, or raises. What is printed goes to stderr: stdout is for lines
alone. Run by itself this is an agent that can "echo" and "total", and takes part
in coordination as its arguments say, for example: vote=no bid=12.5 demand=30
"""
import json
import sys
import threading


class Agent:
    def __init__(self):
        self.methods = {}
        self.out = sys.stdout
        self.lock = threading.Lock()
        sys.stdout = sys.stderr

    def method(self, function):
        """Decorates a function: it can be asked for by its name."""
        self.methods[function.__name__] = function
        return function

    def say(self, **line):
        with self.lock:
            print(json.dumps(line), file=self.out, flush=True)

    def tell(self, method, params=None):
        self.say(method=method, params=params)

    def beat(self, seconds):
        """Says so often that it is alive."""
        def run():
            while not over.wait(seconds):
                self.tell("heartbeat")

        over = threading.Event()
        threading.Thread(target=run, daemon=True).start()

    def answer(self, asked):
        function = self.methods.get(asked["method"])
        nr = asked.get("id")
        try:
            if not function:
                raise LookupError("no method " + asked["method"])
            result = function(asked.get("params"))
            line = {"id": nr, "result": result}
        except Exception as error:
            line = {"id": nr, "error": str(error)}
        if nr is not None:
            self.say(**line)

    def run(self):
        """Until stdin ends, which is how one is told to end, too."""
        self.tell("ready")
        for line in sys.stdin:
            self.answer(json.loads(line))


if __name__ == "__main__":
    agent = Agent()

    @agent.method
    def echo(params):
        return params

    @agent.method
    def total(params):
        return sum(params)

    told = dict(argument.split("=", 1) for argument in sys.argv[1:])

    @agent.method
    def vote(params):
        """One of the options; None, here and below, is to abstain."""
        choice = told.get("vote", params["options"][0])
        return choice if choice in params["options"] else None

    @agent.method
    def bid(params):
        price = json.loads(told.get("bid", "null"))
        return price if price and price >= params["reserve"] else None

    @agent.method
    def demand(params):
        return json.loads(told.get("demand", "null"))

    agent.run()
