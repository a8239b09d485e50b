# SPDX-License-Identifier: GPL-2.0-or-later
# What mab_bench does, with the same names and counts, on Elixir: agents are
# servers under a dynamic supervisor, named by a Registry; the balancer is a
# server that knows the tasks of ten.
#
# usage: elixir mab_peer.exs DIVISOR

Code.require_file("topic.exs", __DIR__)

defmodule Agent50 do
  use GenServer, restart: :temporary

  def via(id), do: {:via, Registry, {Names, id}}
  def start_link(id), do: GenServer.start_link(__MODULE__, nil, name: via(id))
  def init(_), do: {:ok, nil}
  def handle_call({_method, body}, _from, s), do: {:reply, body, s}
end

defmodule Balancer do
  use GenServer

  def init(ids) do
    {:ok, Map.new(ids, &{&1, %{caps: ["work"], tasks: 0, cpu: 0.0, mem: 0}})}
  end

  defp suitable?(a, caps), do: a.tasks <= 10 and caps -- a.caps == []
  defp load(a), do: 0.4 * a.cpu + 0.3 * a.mem + 0.3 * a.tasks / 10

  def handle_call({:assign, caps}, _from, agents) do
    {id, a} =
      agents
      |> Enum.filter(fn {_, a} -> suitable?(a, caps) end)
      |> Enum.min_by(fn {_, a} -> load(a) end)

    [{pid, _}] = Registry.lookup(Names, id)
    {:reply, {id, pid}, %{agents | id => %{a | tasks: a.tasks + 1}}}
  end

  def handle_call({:complete, id}, _from, agents) do
    {:reply, :ok, update_in(agents[id].tasks, &(&1 - 1))}
  end
end

# One process for each vote, which asks all of them and counts.
defmodule Vote do
  def ask(pids) do
    pids
    |> Enum.map(&:gen_server.send_request(&1, {"vote", "yes"}))
    |> Enum.map(fn id ->
      {:reply, vote} = :gen_server.receive_response(id, :infinity)
      vote
    end)
  end

  def majority(pids) do
    Task.Supervisor.async_nolink(Workers, fn ->
      {vote, n} =
        pids |> ask() |> Enum.frequencies() |> Enum.max_by(&elem(&1, 1))

      if n > div(length(pids), 2), do: {:ok, vote}, else: :none
    end)
    |> Task.await()
  end
end

defmodule MabPeer do
  def start(id) do
    {:ok, pid} = DynamicSupervisor.start_child(Agents, {Agent50, id})
    pid
  end

  def many(divisor, name, fun) do
    n = Topic.scale(2000, divisor)
    begin = Topic.now()
    for _ <- 1..n, do: fun.()
    Topic.result(name, (Topic.now() - begin) / 1000 / n)
  end

  def main([divisor]) do
    divisor = String.to_integer(divisor)
    {:ok, _} = Registry.start_link(keys: :unique, name: Names)
    {:ok, _} = DynamicSupervisor.start_link(name: Agents)
    {:ok, _} = Task.Supervisor.start_link(name: Workers)

    n = Topic.scale(1000, divisor)
    begin = Topic.now()
    many = for i <- 1..n, do: start("agent #{i}")
    Topic.result("mab_start", (Topic.now() - begin) / 1000 / n)
    for pid <- many, do: DynamicSupervisor.terminate_child(Agents, pid)

    ids = for i <- 0..49, do: "voter #{i}"
    pids = for id <- ids, do: start(id)
    {:ok, balancer} = GenServer.start_link(Balancer, Enum.take(ids, 10))

    Topic.run("mab_lifecycle", div(2000, divisor), fn nth ->
      pid = start("brief #{nth}")
      :ok = DynamicSupervisor.terminate_child(Agents, pid)
    end)

    Topic.run("mab_ask", div(100_000, divisor), fn nth ->
      "[1, 2, 3]" =
        GenServer.call(Agent50.via("voter #{nth}"), {"echo", "[1, 2, 3]"})
    end)

    Topic.run("mab_assign", div(200_000, divisor), fn _ ->
      {id, _} = GenServer.call(balancer, {:assign, ["work"]})
      :ok = GenServer.call(balancer, {:complete, id})
    end)

    many(divisor, "mab_ask_50", fn -> Vote.ask(pids) end)

    many(divisor, "mab_majority_50", fn ->
      {:ok, "yes"} = Vote.majority(pids)
    end)
  end
end

MabPeer.main(System.argv())
