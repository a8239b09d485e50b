%% SPDX-License-Identifier: GPL-2.0-or-later
%% What lib_bench does, with the same names and counts, on Erlang/OTP. The two
%% schedulers are bound to the two CPUs; who is pinned there is given its
%% scheduler here, by an option of spawn_opt that OTP's own tests use.
%%
%% usage: erl ... -run lib_peer main DIVISOR TOPIC...
-module(lib_peer).
-export([main/1, init/1]).

-define(BATCH, 100).
-define(WINDOW, 20000).
-define(CLIENTS, 8).
-define(MONITORS, 1000).

main([Divisor | Topics]) ->
	put(divisor, list_to_integer(Divisor)),
	process_flag(trap_exit, true),
	ok = logger:set_primary_config(level, none),
	[topic(list_to_atom(Topic)) || Topic <- Topics],
	halt(0).

topic(restart) ->
	restarts("restart_idle", scaled(100), 5),
	restarts("restart_hot", scaled(1000), 0);
topic(window) ->
	window();
topic(call) ->
	pinned_calls(scaled(30000), scaled(300)),
	crowd_of_callers(scaled(10000));
topic(cast) ->
	[casts(N) || N <- [1, 2, 4]];
topic(down) ->
	down_cross(scaled(2000)),
	fan_outs("down_1000", scaled(50), 8),
	fan_outs("down_1000_tasks", scaled(50), ?MONITORS);
topic(timer) ->
	result("timer_10ms_late", median_us([late(10)
		|| _ <- lists:seq(1, scaled(50))]));
topic(many) ->
	many(scaled(10000)).

scaled(N) ->
	max(2, N div get(divisor)).

now_ns() ->
	erlang:monotonic_time(nanosecond).

result(Name, Value) ->
	io:format("~s ~.4f~n", [Name, float(Value)]).

median_us(Times) ->
	lists:nth(length(Times) div 2 + 1, lists:sort(Times)) / 1000.

pause(0) -> ok;
pause(Ms) -> receive after Ms -> ok end.

%% Supervisors: the argument is all there is to say of one.
init(Arg) ->
	{ok, Arg}.

tree_start(Period) ->
	Child = #{id => worker, restart => permanent,
		  start => {lib_peer_worker, start_link, [self()]},
		  shutdown => brutal_kill},
	Flags = #{intensity => 1000000, period => Period},
	{ok, Sup} = supervisor:start_link(?MODULE, {Flags, [Child]}),
	receive {started, Pid, _} -> {Sup, Pid} end.

restart_once(Pid) ->
	Begin = now_ns(),
	exit(Pid, kill),
	receive {started, New, At} -> {New, At - Begin} end.

stop(Pid) ->
	Ref = monitor(process, Pid),
	exit(Pid, shutdown),
	receive {'DOWN', Ref, process, Pid, _} -> ok end,
	receive {'EXIT', Pid, _} -> ok after 0 -> ok end.

restarts(Name, N, PauseMs) ->
	result(Name, median_us(batches(N, PauseMs, []))).

batches(0, _, Times) ->
	Times;
batches(N, PauseMs, Times) ->
	{Sup, Pid} = tree_start(1),
	Batch = min(N, ?BATCH),
	{_, More} = restarts_of(Pid, Batch, PauseMs, Times),
	stop(Sup),
	batches(N - Batch, PauseMs, More).

restarts_of(Pid, 0, _, Times) ->
	{Pid, Times};
restarts_of(Pid, N, PauseMs, Times) ->
	pause(PauseMs),
	{New, Time} = restart_once(Pid),
	restarts_of(New, N - 1, PauseMs, [Time | Times]).

%% Two supervisors take turns; one has a full window, one an empty one.
window() ->
	{Full, First} = tree_start(3600),
	{Pid, _} = restarts_of(First, scaled(?WINDOW), 0, []),
	{FullTimes, EmptyTimes} = turns(scaled(500), Pid, {none, none}, [], []),
	stop(Full),
	result("restart_window_20k", median_us(FullTimes)),
	result("restart_window_empty", median_us(EmptyTimes)).

turns(0, _, {Empty, _}, Fulls, Empties) ->
	stop(Empty),
	{Fulls, Empties};
turns(N, Pid, {Old, OldPid}, Fulls, Empties) ->
	{Empty, EmptyPid} = case N rem ?BATCH of
		_ when Old =:= none -> tree_start(3600);
		0 -> stop(Old), tree_start(3600);
		_ -> {Old, OldPid}
	end,
	{New, Time} = restart_once(Pid),
	{NewEmpty, EmptyTime} = restart_once(EmptyPid),
	turns(N - 1, New, {Empty, NewEmpty}, [Time | Fulls],
	      [EmptyTime | Empties]).

%% A function on a scheduler, until it has ended.
on_scheduler(Nth, Fun) ->
	Divisor = get(divisor),
	{_, Ref} = spawn_opt(fun() -> put(divisor, Divisor), Fun() end,
			     [monitor, {scheduler, Nth}]),
	receive {'DOWN', Ref, process, _, normal} -> ok end.

pinned_calls(N, NIdle) ->
	{ok, Server} = lib_peer_worker:start(nobody, [{scheduler, 2}]),
	on_scheduler(1, fun() ->
		timed_calls("call_cross", Server, N, 0),
		timed_calls("call_idle", Server, NIdle, 1)
	end).

timed_calls(Name, Server, N, PauseMs) ->
	result(Name, median_us(timed(Server, N, PauseMs, []))).

timed(_, 0, _, Times) ->
	Times;
timed(Server, N, PauseMs, Times) ->
	pause(PauseMs),
	Begin = now_ns(),
	gen_server:call(Server, count, infinity),
	timed(Server, N - 1, PauseMs, [now_ns() - Begin | Times]).

%% N of them at once, until all have ended.
crowd(N, Fun) ->
	Refs = [element(2, spawn_monitor(Fun)) || _ <- lists:seq(1, N)],
	[receive {'DOWN', Ref, process, _, normal} -> ok end || Ref <- Refs].

repeat(0, _) -> ok;
repeat(N, Fun) -> Fun(), repeat(N - 1, Fun).

crowd_of_callers(Each) ->
	{ok, Server} = lib_peer_worker:start(nobody, []),
	Begin = now_ns(),
	crowd(?CLIENTS, fun() ->
		repeat(Each, fun() ->
			gen_server:call(Server, count, infinity)
		end)
	end),
	result("call_8_clients", ?CLIENTS * Each * 1.0e9 / (now_ns() - Begin)).

casts(Producers) ->
	Each = scaled(400000) div Producers,
	{ok, Server} = lib_peer_worker:start(nobody, []),
	Begin = now_ns(),
	crowd(Producers, fun() ->
		repeat(Each, fun() -> gen_server:cast(Server, count) end)
	end),
	Casts = gen_server:call(Server, count, infinity),
	Time = now_ns() - Begin,
	Casts = Producers * Each,
	result(io_lib:format("cast_~b", [Producers]), Casts * 1.0e9 / Time),
	stop(Server).

%% A process that waits until it is told, and ends with the time.
mortal(Tell) ->
	Tell ! ready,
	receive go -> exit({at, now_ns()}) end.

down_cross(N) ->
	on_scheduler(1, fun() ->
		result("down_cross", median_us([down_once()
			|| _ <- lists:seq(1, N)]))
	end).

down_once() ->
	Self = self(),
	{Pid, Ref} = spawn_opt(fun() -> mortal(Self) end,
			       [monitor, {scheduler, 2}]),
	receive ready -> ok end,
	Pid ! go,
	receive
		{'DOWN', Ref, process, Pid, {at, Ended}} -> now_ns() - Ended
	end.

fan_outs(Name, N, Watchers) ->
	result(Name, median_us([fan_out(Watchers) || _ <- lists:seq(1, N)])).

%% The time is not taken from the reason: a monitor may be told noproc.
fan_out(Watchers) ->
	Self = self(),
	Ended = atomics:new(1, [{signed, true}]),
	Pid = spawn(fun() ->
		receive go -> atomics:put(Ended, 1, now_ns()) end
	end),
	Each = ?MONITORS div Watchers,
	[spawn(fun() -> watch(Pid, Each, Self) end)
		|| _ <- lists:seq(1, Watchers)],
	repeat(Watchers, fun() -> receive ready -> ok end end),
	Pid ! go,
	Told = [receive {told, T} -> T end || _ <- lists:seq(1, Watchers)],
	lists:max(Told) - atomics:get(Ended, 1).

watch(Pid, Each, Tell) ->
	repeat(Each, fun() -> monitor(process, Pid) end),
	Tell ! ready,
	repeat(Each, fun() -> receive {'DOWN', _, _, _, _} -> ok end end),
	Tell ! {told, now_ns()}.

late(Ms) ->
	At = now_ns() + Ms * 1000000,
	erlang:send_after(Ms, self(), fired),
	receive fired -> now_ns() - At end.

many(N) ->
	Child = #{id => worker, restart => temporary,
		  start => {lib_peer_worker, start_link, [nobody]}},
	Flags = #{strategy => simple_one_for_one},
	{ok, Sup} = supervisor:start_link(?MODULE, {Flags, [Child]}),
	erlang:garbage_collect(),
	Before = erlang:memory(total),
	Begin = now_ns(),
	repeat(N, fun() -> {ok, _} = supervisor:start_child(Sup, []) end),
	Started = now_ns(),
	erlang:garbage_collect(),
	After = erlang:memory(total),
	Stop = now_ns(),
	stop(Sup),
	Stopped = now_ns(),
	result("many_start", (Started - Begin) / 1000 / N),
	result("many_stop", (Stopped - Stop) / 1000 / N),
	result("thread_child_bytes", (After - Before) / N).
