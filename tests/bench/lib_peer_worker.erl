%% SPDX-License-Identifier: GPL-2.0-or-later
%% The server of lib_peer: tells when its init runs, answers, counts casts.
-module(lib_peer_worker).
-behaviour(gen_server).
-export([start_link/1, start/2]).
-export([init/1, handle_call/3, handle_cast/2]).

%% To: who is told {started, Pid, TimeNs}, or nobody.
start_link(To) ->
	gen_server:start_link(?MODULE, To, []).

start(To, SpawnOpts) ->
	gen_server:start(?MODULE, To, [{spawn_opt, SpawnOpts}]).

init(nobody) ->
	{ok, 0};
init(To) ->
	To ! {started, self(), erlang:monotonic_time(nanosecond)},
	{ok, 0}.

handle_call(_Request, _From, Casts) ->
	{reply, Casts, Casts}.

handle_cast(count, Casts) ->
	{noreply, Casts + 1}.
