# SPDX-License-Identifier: GPL-2.0-or-later
# What topic.c does, on Elixir: times what one caller does, and what sixteen do
# at once.

defmodule Topic do
  @callers 16

  def now, do: System.monotonic_time(:nanosecond)

  def scale(n, divisor), do: div(n, divisor) + 1

  def repeat(0, _, _), do: :ok

  def repeat(n, fun, nth) do
    fun.(nth)
    repeat(n - 1, fun, nth)
  end

  # Microseconds for each operation of n callers.
  def run_with(callers, total, fun) do
    n = div(total, callers) + 1
    me = self()

    pids =
      for nth <- 0..(callers - 1) do
        spawn_link(fn ->
          send(me, :ready)
          receive(do: (:go -> :ok))
          repeat(n, fun, nth)
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

  def run(name, n, fun) do
    result(name, run_with(1, n, fun))
    result(name <> "_16", run_with(@callers, n, fun))
  end
end
