# SPDX-License-Identifier: GPL-2.0-or-later
# What fnd_bench does, with the same names and counts, on Elixir: a lookup in
# its Registry, one in an ETS table, updates of counters of ETS tables, two
# calls of a server.
#
# usage: elixir fnd_peer.exs DIVISOR

Code.require_file("topic.exs", __DIR__)

defmodule Server do
  use GenServer

  def init(n), do: {:ok, n}
  def handle_call(:add, _from, n), do: {:reply, n + 1, n + 1}
end

defmodule FndPeer do
  @names 100_000

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

    Topic.run("fnd_lookup", scale.(1_000_000), fn _ ->
      [{_, _}] = Registry.lookup(Names, "50000")
    end)

    Topic.run("fnd_config_get", scale.(1_000_000), fn _ ->
      [{_, 50}] = :ets.lookup(config, path)
    end)

    Topic.run("fnd_rate_check", scale.(1_000_000), fn _ ->
      :ets.update_counter(table, "entity", {2, 1})
    end)

    Topic.run("fnd_count", scale.(1_000_000), fn _ ->
      :ets.update_counter(counts, count, {2, 1})
    end)

    Topic.run("fnd_lock", scale.(100_000), fn _ ->
      GenServer.call(server, :add)
      GenServer.call(server, :add)
    end)
  end
end

FndPeer.main(System.argv())
