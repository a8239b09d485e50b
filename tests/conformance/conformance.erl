%% SPDX-License-Identifier: GPL-2.0-or-later
%%
%% Performs traces on OTP's supervisor. Formats: README.md; ours.c is this
%% program for libsup, and has the same parts.
%%
%% usage: erl +S 1 -noinput -s conformance main -extra TRACES RESULTS
%%
%% With one scheduler all signals of an end are sent before anybody else runs:
%% the recorder, which monitors every task, hears of starts and ends in the
%% order in which they happened.
-module(conformance).
-behaviour(supervisor).
-export([main/0, init/1, start_worker/2, start_sup/2, child/1]).

-define(PARALLEL, 24).

main() ->
    ok = logger:set_primary_config(level, none),
    [In, Out] = init:get_plain_arguments(),
    {ok, Text} = file:read_file(In),
    {ok, File} = file:open(Out, [write, raw, delayed_write]),
    ok = file:write(File, ["# otp ", erlang:system_info(otp_release), $\n]),
    Lines = binary:split(Text, <<"\n">>, [global, trim_all]),
    run_all(traces(Lines, []), #{}, File),
    ok = file:close(File),
    halt(0).

traces([], Acc) ->
    lists:reverse([lists:reverse(T) || T <- Acc]);
traces([L | Rest], Acc) ->
    case text(<<"op">>, L, <<>>) of
        <<"trace">> -> traces(Rest, [[L] | Acc]);
        _ -> traces(Rest, [[L | hd(Acc)] | tl(Acc)])
    end.

%% Some at a time; results in the order in which the traces are done.
run_all([], Running, _File) when map_size(Running) =:= 0 ->
    ok;
run_all([T | Rest], Running, File) when map_size(Running) < ?PARALLEL ->
    {Pid, _} = spawn_monitor(fun() -> run(T, 10) end),
    run_all(Rest, Running#{Pid => true}, File);
run_all(Rest, Running, File) ->
    receive
        {'DOWN', _, process, Pid, {done, Result}} ->
            ok = file:write(File, Result),
            run_all(Rest, maps:remove(Pid, Running), File);
        {'DOWN', _, process, _, Reason} ->
            io:format(standard_error, "a trace failed: ~p~n", [Reason]),
            halt(1)
    end.

%% What is one burst for a short period must take little of it here.
run([Head | _], 0) ->
    exit({too_slow, Head});
run([Head | Lines] = Trace, Tries) ->
    process_flag(trap_exit, true),
    Rec = spawn_link(fun() -> recorder(#{}) end),
    Seed = number(<<"seed">>, Head, 0),
    State = #{rec => Rec, sups => #{}, top => none, over => false, n => 0,
              seed => Seed, out => [], ref => 0, slow => false,
              period => 3600, burst => now_ms()},
    End = lists:foldl(fun line/2, State, Lines),
    stop(maps:get(top, End)),
    unlink(Rec),
    exit(Rec, kill),
    case End of
        #{slow := true} -> run(Trace, Tries - 1);
        #{out := Out} -> exit({done, iolist_to_binary(lists:reverse(Out))})
    end.

now_ms() ->
    erlang:monotonic_time(millisecond).

stop(Pid) when is_pid(Pid) ->
    Ref = monitor(process, Pid),
    exit(Pid, shutdown),
    receive {'DOWN', Ref, process, Pid, _} -> ok end;
stop(none) ->
    ok.

%% --- lines -----------------------------------------------------------------

text(Key, Line, Otherwise) ->
    case value(Key, Line) of
        <<$", Rest/binary>> -> hd(binary:split(Rest, <<"\"">>));
        none -> Otherwise
    end.

number(Key, Line, Otherwise) ->
    case value(Key, Line) of
        none -> Otherwise;
        V -> element(1, string:to_integer(V))
    end.

atom(Key, Line, Otherwise) ->
    binary_to_atom(text(Key, Line, Otherwise)).

value(Key, Line) ->
    case binary:split(Line, <<$", Key/binary, "\":">>) of
        [_, V] -> V;
        [_] -> none
    end.

line(L, S = #{sups := Sups}) ->
    case atom(<<"op">>, L, <<>>) of
        sup ->
            Id = text(<<"id">>, L, <<>>),
            Flags = #{strategy => atom(<<"strategy">>, L, <<"one_for_one">>),
                      intensity => number(<<"intensity">>, L, 1),
                      period => number(<<"period">>, L, 5),
                      auto_shutdown => atom(<<"auto_shutdown">>, L,
                                            <<"never">>)},
            S#{sups := Sups#{Id => {Id, Flags, []}},
               period := min(maps:get(period, S), maps:get(period, Flags))};
        child ->
            In = text(<<"in">>, L, <<>>),
            {Def, S1} = define(L, S),
            {In, Flags, Kids} = maps:get(In, Sups),
            S1#{sups := Sups#{In := {In, Flags, Kids ++ [Def]}}};
        _ when map_get(over, S) ->
            S;
        Op ->
            operation(Op, L, S)
    end.

define(L, S = #{ref := Ref, sups := Sups}) ->
    Id = text(<<"id">>, L, <<>>),
    Def = #{ref => Ref, id => Id,
            in => text(<<"in">>, L, <<>>),
            restart => atom(<<"restart">>, L, <<"permanent">>),
            shutdown => shutdown(text(<<"shutdown">>, L, <<"5000">>)),
            type => atom(<<"type">>, L, <<"worker">>),
            significant => number(<<"significant">>, L, 0) =:= 1,
            starts => binary_to_list(text(<<"starts">>, L, <<"o">>)),
            asks => binary_to_list(text(<<"asks">>, L, <<>>)),
            stop => atom(<<"stop">>, L, <<"shutdown">>),
            sup => maps:get(Id, Sups, none)},
    {Def, S#{ref := Ref + 1}}.

shutdown(<<"infinity">>) -> infinity;
shutdown(<<"brutal_kill">>) -> brutal_kill;
shutdown(Ms) -> binary_to_integer(Ms).

%% --- operations ------------------------------------------------------------

operation(Op, L, S0) ->
    {Return, S} = perform(Op, L, S0),
    #{rec := Rec, top := Top, n := N, seed := Seed, out := Out} = S,
    Tree = settle(Rec, Top, now_ms() + 20000),
    {Events, Answers} = ask(Rec, take),
    Line = io_lib:format("~b\t~b\t~s\t~s\t~s\t~s\t~s~n",
                         [Seed, N + 1, Op, Return, Events, Answers, Tree]),
    S#{n := N + 1, out := [Line | Out], over := Tree =:= "over",
       slow := maps:get(slow, S) orelse
           now_ms() - maps:get(burst, S) > maps:get(period, S) * 500}.

perform('begin', L, S = #{rec := Rec, sups := Sups}) ->
    R = start_sup(Rec, maps:get(text(<<"id">>, L, <<>>), Sups)),
    Top = case R of {ok, Pid} -> Pid; _ -> none end,
    {start_word(Rec, R), S#{top := Top}};
perform(start, L, S = #{rec := Rec}) ->
    {Def = #{in := In}, S1} = define(L, S),
    Arg = case is_simple(In, S) of
              true -> [Def];
              false -> spec(Rec, Def, false)
          end,
    R = call(pid(Rec, In), fun(P) -> supervisor:start_child(P, Arg) end),
    {start_word(Rec, R), S1};
perform(terminate, L, S = #{rec := Rec}) ->
    Id = text(<<"id">>, L, <<>>),
    case number(<<"by_pid">>, L, 0) =:= 1 andalso pid(Rec, Id) of
        none -> {"none", S};
        false -> {word(in(L, S, terminate(Id))), S};
        Pid -> {word(in(L, S, terminate(Pid))), S}
    end;
perform(restart, L, S = #{rec := Rec}) ->
    Id = text(<<"id">>, L, <<>>),
    R = in(L, S, fun(P) -> supervisor:restart_child(P, Id) end),
    {start_word(Rec, R), S};
perform(delete, L, S) ->
    Id = text(<<"id">>, L, <<>>),
    {word(in(L, S, fun(P) -> supervisor:delete_child(P, Id) end)), S};
perform('end', L, S = #{rec := Rec}) ->
    Pid = pid(Rec, text(<<"id">>, L, <<>>)),
    case is_pid(Pid) andalso is_process_alive(Pid) of
        false -> {"none", S};
        true -> finish(Pid, atom(<<"reason">>, L, <<>>)), {"ended", S}
    end;
perform(wait, L, S) ->
    timer:sleep(number(<<"ms">>, L, 0)),
    {"ok", S#{burst := now_ms()}};
perform(stop, _, S = #{top := Top}) ->
    stop(Top),
    {"ok", S}.

terminate(Key) ->
    fun(Sup) -> supervisor:terminate_child(Sup, Key) end.

is_simple(In, #{sups := Sups}) ->
    {In, #{strategy := Strategy}, _} = maps:get(In, Sups),
    Strategy =:= simple_one_for_one.

in(L, #{rec := Rec}, F) ->
    call(pid(Rec, text(<<"in">>, L, <<>>)), F).

call(none, _) ->
    {error, noproc};
call(Pid, F) ->
    try F(Pid)
    catch exit:{_, {gen_server, call, _}} -> {error, noproc}
    end.

finish(Pid, Reason) ->
    Ref = monitor(process, Pid),
    case Reason of
        kill -> exit(Pid, kill);
        _ -> Pid ! {die, reason(Reason)}
    end,
    receive {'DOWN', Ref, process, Pid, _} -> ok end.

reason(shutdown7) -> {shutdown, 7};
reason(R) -> R.

start_word(_, {ok, undefined}) -> "ignore";
start_word(Rec, {ok, Pid}) -> ["ok ", ask(Rec, {name, Pid})];
start_word(Rec, {error, {already_started, Pid}}) ->
    ["already_started ", ask(Rec, {name, Pid})];
start_word(_, R) -> word(R).

word(ok) -> "ok";
word({ok, undefined}) -> "ignore";
word({ok, _}) -> "ok";
word({error, R}) -> atom_to_list(cause(R)).

%% What is at the bottom of an error that is handed on.
cause({shutdown, {failed_to_start_child, _, R}}) -> cause(R);
cause({start_spec, _}) -> invalid;
cause({supervisor_data, _}) -> invalid;
cause({bad_combination, _}) -> invalid;
cause({R, Child}) when element(1, Child) =:= child -> cause(R);
cause(R) when is_atom(R) -> R.

%% --- the tree at rest --------------------------------------------------------

%% At rest: every task that is listed lives, no restart is tried again, the
%% supervisors wait for messages and have none, and twice it looks the same.
settle(Rec, Top, Until) ->
    case {look(Rec, Top), look(Rec, Top)} of
        {{at_rest, T}, {at_rest, T}} -> element(2, T);
        _ ->
            now_ms() < Until orelse exit(never_at_rest),
            erlang:yield(),
            settle(Rec, Top, Until)
    end.

look(Rec, Top) ->
    erlang:yield(),
    try
        {at_rest, {ask(Rec, version), top_tree(Rec, Top)}}
    catch
        throw:busy -> busy
    end.

top_tree(_, none) ->
    "over";
top_tree(Rec, Top) ->
    case is_process_alive(Top) of
        true -> lists:flatten(tree(Rec, Top));
        false -> "over"
    end.

tree(Rec, Sup) ->
    try {supervisor:which_children(Sup), supervisor:count_children(Sup)} of
        {Kids, Counts} ->
            idle(Sup),
            [Specs, Active, Sups, Workers] =
                [proplists:get_value(K, Counts)
                 || K <- [specs, active, supervisors, workers]],
            Text = [kid(Rec, K) || K <- Kids],
            Sorted = case Kids of
                         [{undefined, _, _, _} | _] -> lists:sort(Text);
                         _ -> Text
                     end,
            io_lib:format("~s(~b,~b,~b,~b~s)",
                          [ask(Rec, {name, Sup}), Specs, Active, Sups,
                           Workers, Sorted])
    catch
        exit:_ -> throw(busy)
    end.

kid(_, {_, restarting, _, _}) -> throw(busy);
kid(_, {Id, undefined, _, _}) -> [$\s, text_of(Id), $-];
kid(Rec, {_, Pid, Type, _}) ->
    is_process_alive(Pid) orelse throw(busy),
    case Type of
        supervisor -> [$\s, tree(Rec, Pid)];
        worker -> [$\s, binary_to_list(ask(Rec, {name, Pid}))]
    end.

text_of(undefined) -> "nobody";
text_of(Id) -> Id.

idle(Pid) ->
    case process_info(Pid, [message_queue_len, status]) of
        [{_, 0}, {_, waiting}] -> ok;
        _ -> throw(busy)
    end.

%% --- supervisors and children ------------------------------------------------

start_sup(Rec, {Id, Flags, Kids}) ->
    Simple = maps:get(strategy, Flags) =:= simple_one_for_one,
    Specs = [spec(Rec, K, Simple) || K <- Kids],
    case supervisor:start_link(?MODULE, {Flags, Specs}) of
        {ok, Pid} -> ask(Rec, {started, Id, Pid}), {ok, Pid};
        Error -> ask(Rec, {failed, Id}), Error
    end.

init(Arg) ->
    {ok, Arg}.

spec(Rec, Def = #{type := Type, sup := Sup}, Simple) ->
    Start = case Type of
                supervisor -> {?MODULE, start_sup, [Rec, Sup]};
                worker when Simple -> {?MODULE, start_worker, [Rec]};
                worker -> {?MODULE, start_worker, [Rec, Def]}
            end,
    Spec = maps:with([id, restart, shutdown, type, significant], Def),
    case Type of
        supervisor -> (maps:remove(shutdown, Spec))#{start => Start};
        worker -> Spec#{start => Start}
    end.

start_worker(Rec, Def = #{id := Id}) ->
    case ask(Rec, {start, Def}) of
        $o ->
            {ok, Pid} = proc_lib:start_link(?MODULE, child, [Def]),
            ask(Rec, {started, Id, Pid}),
            {ok, Pid};
        $i -> ignore;
        $f -> {error, refused}
    end.

child(Def) ->
    process_flag(trap_exit, true),
    proc_lib:init_ack({ok, self()}),
    child_loop(Def).

child_loop(Def = #{stop := Stop}) ->
    receive
        {die, R} -> exit(R);
        {'EXIT', _, shutdown} when Stop =:= deaf -> child_loop(Def);
        {'EXIT', _, shutdown} -> exit(reason(Stop));
        {'EXIT', _, R} -> exit(R)
    end.

%% --- the recorder --------------------------------------------------------------

pid(Rec, Id) ->
    ask(Rec, {pid, Id}).

ask(Rec, What) ->
    Ref = make_ref(),
    Rec ! {ask, self(), Ref, What},
    receive {Ref, Answer} -> Answer end.

recorder(S) ->
    receive
        {ask, From, Ref, What} ->
            {Answer, S1} = answer(What, S),
            From ! {Ref, Answer},
            recorder(S1);
        {'DOWN', _, process, Pid, R} ->
            Name = maps:get({name, Pid}, S),
            recorder(note([$-, Name, $=, reason_word(R)], S))
    end.

reason_word({shutdown, 7}) -> "shutdown7";
reason_word(R) when is_atom(R) -> atom_to_list(R);
reason_word(_) -> "other".

note(Text, S) ->
    S#{log => [[Text, $\s] | maps:get(log, S, [])],
       version => maps:get(version, S, 0) + 1}.

answer(version, S) ->
    {maps:get(version, S, 0), S};
answer({name, Pid}, S) ->
    {maps:get({name, Pid}, S, <<"nobody">>), S};
answer({pid, Id}, S) ->
    {maps:get({pid, Id}, S, none), S};
answer({failed, Id}, S) ->
    {ok, note([$?, Id], S)};
answer({started, Id, Pid}, S) ->
    N = maps:get({number, Id}, S, 0) + 1,
    Name = iolist_to_binary([Id, $#, integer_to_list(N)]),
    monitor(process, Pid),
    {ok, note([$+, Name], S#{{number, Id} => N, {name, Pid} => Name,
                             {pid, Id} => Pid})};
answer({start, Def = #{ref := Ref, id := Id, starts := Script}}, S0) ->
    N = maps:get({starts, Ref}, S0, 0) + 1,
    S = S0#{{starts, Ref} => N},
    case lists:nth(min(N, length(Script)), Script) of
        $o -> {$o, S};
        $i -> {$i, note([$!, Id], S)};
        $f -> {$f, note([$?, Id], queue(Def, S))}
    end;
answer(take, S) ->
    Answers = lists:append([answers(A) || A <- maps:get(askers, S, [])]),
    {{lists:reverse(maps:get(log, S, [])), Answers},
     S#{log => [], askers => []}}.

%% The first start that fails asks its supervisor, if that is up: the questions
%% are in its mailbox before it can try again.
queue(#{asks := []}, S) ->
    S;
queue(#{ref := Ref, in := In, id := Id, asks := Asks}, S) ->
    Sup = maps:get({pid, In}, S, none),
    case is_map_key({asked, Ref}, S) orelse not is_pid(Sup) orelse
        not is_process_alive(Sup) of
        true -> S;
        false ->
            Self = self(),
            Pid = spawn_link(fun() -> asker(Self, Sup, Id, Asks) end),
            receive {sent, Pid} -> ok end,
            S#{{asked, Ref} => true,
               askers => maps:get(askers, S, []) ++ [Pid]}
    end.

asker(Rec, Sup, Id, Asks) ->
    Sent = [gen_server:send_request(Sup, {request(A), Id}) || A <- Asks],
    Rec ! {sent, self()},
    Answers = [case gen_server:receive_response(R, 20000) of
                   {reply, Reply} -> [$\s, word(Reply)];
                   {error, _} -> " noproc"
               end || R <- Sent],
    receive {take, Rec} -> Rec ! {answers, self(), Answers} end.

request($t) -> terminate_child;
request($r) -> restart_child;
request($d) -> delete_child.

answers(Pid) ->
    Pid ! {take, self()},
    receive {answers, Pid, Answers} -> Answers end.
