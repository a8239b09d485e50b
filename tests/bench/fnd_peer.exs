# SPDX-License-Identifier: GPL-2.0-or-later
# What fnd_bench does, with the same names and counts, on Elixir: a lookup in
# its Registry, one in an ETS table, updates of counters of ETS tables, two
# calls of a server.
#
# usage: elixir fnd_peer.exs DIVISOR

defmodule Server do
  use GenServer

  def init(n), do: {:ok, n}
  def handle_call(:add, _from, n), do: {:reply, n + 1, n + 1}
end

defmodule FndPeer do
  @callers 16
  @names 100_000

  def now, do: System.monotonic_time(:nanosecond)

  def repeat(0, _), do: :ok

  def repeat(n, fun) do
    fun.()
    repeat(n - 1, fun)
  end

  # Microseconds for each operation of n callers.
  def run_with(callers, total, fun) do
    n = div(total, callers) + 1
    me = self()

    pids =
      for _ <- 1..callers do
        spawn_link(fn ->
          send(me, :ready)
          receive(do: (:go -> :ok))
          repeat(n, fun)
          send(me, :done)
        end)
      end

    for _ <- pids, do: receive(do: (:ready -> :ok))
    begin = now()
    for pid <- pids, do: send(pid, :go)
    for _ <- pids, do: receive(do: (:done -> :ok))
    (now() - begin) / 1000 / n / callers
  end

  def result(name, value) do
    IO.puts("#{name} #{:erlang.float_to_binary(value / 1, decimals: 4)}")
  end

  def topic(name, n, fun) do
    result(name, run_with(1, n, fun))
    result(name <> "_16", run_with(@callers, n, fun))
  end

  def main([divisor]) do
    scale = fn n -> div(n, String.to_integer(divisor)) end
    {:ok, _} = Registry.start_link(keys: :unique, name: Names)
    for i <- 1..@names, do: {:ok, _} = Registry.register(Names, "#{i}", nil)
    config = :ets.new(:config, [:protected, :set, read_concurrency: true])
    for i <- 0..99, do: :ets.insert(config, {[:settings, :"number#{i}"], i})
    path = [:settings, :number50]
    table = :ets.new(:rates, [:public, :set, write_concurrency: true])
    :ets.insert(table, {"entity", 0})
    counts = :ets.new(:counts, [:public, :set, write_concurrency: true])
    count = {[:bench, :orders], [shop: "one"]}
    :ets.insert(counts, {count, 0})
    {:ok, server} = GenServer.start_link(Server, 0)

    topic("fnd_lookup", scale.(1_000_000), fn ->
      [{_, _}] = Registry.lookup(Names, "50000")
    end)

    topic("fnd_config_get", scale.(1_000_000), fn ->
      [{_, 50}] = :ets.lookup(config, path)
    end)

    topic("fnd_rate_check", scale.(1_000_000), fn ->
      :ets.update_counter(table, "entity", {2, 1})
    end)

    topic("fnd_count", scale.(1_000_000), fn ->
      :ets.update_counter(counts, count, {2, 1})
    end)

    topic("fnd_lock", scale.(100_000), fn ->
      GenServer.call(server, :add)
      GenServer.call(server, :add)
    end)
  end
end

FndPeer.main(System.argv())
