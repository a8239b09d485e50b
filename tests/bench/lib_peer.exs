# SPDX-License-Identifier: GPL-2.0-or-later
# What lib_bench does with registries, with the same names, on Elixir's.
#
# usage: elixir lib_peer.exs registry DIVISOR

defmodule LibPeer do
  @keys 100_000

  def now, do: System.monotonic_time(:nanosecond)

  def result(name, value) do
    IO.puts("#{name} #{:erlang.float_to_binary(value / 1, decimals: 4)}")
  end

  def median_us(times) do
    Enum.at(Enum.sort(times), div(length(times), 2)) / 1000
  end

  def repeat(0, _), do: :ok

  def repeat(n, fun) do
    fun.()
    repeat(n - 1, fun)
  end

  def lookups(keys, n) do
    for key <- 1..keys, do: {:ok, _} = Registry.register(Keys, key, nil)
    key = div(keys, 2)
    begin = now()
    repeat(n, fn -> [{_, _}] = Registry.lookup(Keys, key) end)
    result("registry_lookup", (now() - begin) / 1000 / n)
  end

  # From the kill of who has the key until another one can have it.
  def reuse(n) do
    me = self()

    times =
      for _ <- 1..n do
        pid = spawn(fn -> hold(me) end)
        receive(do: (:ready -> :ok))
        begin = now()
        Process.exit(pid, :kill)
        time = until_free(begin)
        Registry.unregister(Peer, :reused)
        time
      end

    result("name_reuse", median_us(times))
  end

  defp hold(tell) do
    {:ok, _} = Registry.register(Peer, :reused, nil)
    send(tell, :ready)
    receive(do: (:never -> :ok))
  end

  defp until_free(begin) do
    case Registry.register(Peer, :reused, nil) do
      {:ok, _} -> now() - begin
      {:error, _} -> until_free(begin)
    end
  end

  def main(["registry", divisor]) do
    scale = fn n -> max(2, div(n, String.to_integer(divisor))) end
    # Each key that a process gives back costs as much as it has of them: so
    # there is a registry for each.
    {:ok, _} = Registry.start_link(keys: :unique, name: Keys)
    {:ok, _} = Registry.start_link(keys: :unique, name: Peer)
    lookups(scale.(@keys), scale.(500_000))
    reuse(scale.(1000))
  end
end

LibPeer.main(System.argv())
