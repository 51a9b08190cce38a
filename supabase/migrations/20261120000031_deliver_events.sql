-- Delivery of events: taken when due, begun, ended. One attempt at a time, in order for each subject.
--
-- Locks: none that matter; creates functions.
-- Undo: drop the functions.

-- How long after the failure of an attempt the next one is made: ten attempts in a round, over three
-- days. docs/webhooks.md publishes it.
create function ledger.attempt_delay(failed integer) returns interval
language sql immutable parallel safe
as $$
  select (array['1 minute', '5 minutes', '30 minutes', '2 hours', '5 hours', '10 hours', '14 hours',
    '20 hours', '24 hours'])[failed]::interval
$$;
comment on function ledger.attempt_delay is 'The pause after the nth failure of a round; null after the last.';

-- Takes events that are due: for two minutes nobody else does. Answers [{event_id, attempt}], oldest
-- first. An event waits while an earlier one of its subject does; a receiver that fails is sent a few
-- at a time. Receivers take turns, each its oldest event, so that none waits for the backlog of others;
-- the more of them are owed something, the fewer events of each are looked at: 20 for each one taken.
-- Also forgets, a thousand at a time, what was delivered over 30 days ago.
create function api.take_x402_events(most integer) returns jsonb
language plpgsql security definer set search_path = ''
set enable_seqscan = off set enable_sort = off set jit = off set statement_timeout = '10s'
as $$
declare
  moment timestamptz := ledger.clock();
  taken jsonb;
begin
  delete from ledger.events as e where e.id in (
    select it.id from ledger.events as it
    where it.state = 'delivered' and it.ended_at < moment - interval '30 days'
    order by it.ended_at limit 1000 for update skip locked);

  -- A backlog comes when statistics still say that nothing waits, and each index of what waits looks
  -- free to read whole. So every part has an order that one index alone gives, which no sort may
  -- stand in for, or looks by id.
  with owed as (
    select w.holder_id, least(case when w.failing_since is null then 500 else 5 end,
      1 + 20 * most / count(*) over ()) as share
    from ledger.webhooks as w
    cross join lateral (
      select from ledger.events as e
      where e.holder_id = w.holder_id and e.state = 'pending' and e.due_at <= moment
      order by e.due_at limit 1
    ) as something
    where w.status = 'active'
  ), due as (
    select d.id
    from owed
    cross join lateral (
      select e.id, row_number() over (order by e.due_at, e.seq) as turn
      from ledger.events as e
      where e.holder_id = owed.holder_id and e.state = 'pending' and e.due_at <= moment
        and e.seq = (
          select b.seq from ledger.events as b
          where b.subject_id = e.subject_id and b.holder_id = e.holder_id and b.state = 'pending'
          order by b.seq limit 1)
      order by e.due_at, e.seq
      limit owed.share
    ) as d
    order by d.turn, random()
    limit most
  ), free as (
    select e.id, e.state, e.due_at from due join ledger.events as e on e.id = due.id
    for update of e skip locked
  ), held as (
    update ledger.events as e set due_at = moment + interval '2 minutes'
    where e.id in (
      select free.id from free where free.state = 'pending' and free.due_at <= moment)
    returning e.id, e.attempt, e.seq
  )
  select jsonb_agg(jsonb_build_object('event_id', h.id, 'attempt', h.attempt) order by h.seq)
  into taken from held as h;
  return coalesce(taken, '[]');
end
$$;

-- Begins an attempt: answers {outcome: 'deliver', event, url, secrets}, the one way a secret leaves its
-- table; 'over' when this attempt is not to be made (any more); 'under_way' while somebody makes it.
create function api.begin_x402_delivery(event_id uuid, attempt integer) returns jsonb
language plpgsql security definer set search_path = ''
set enable_seqscan = off set statement_timeout = '3s' set lock_timeout = '1s'
as $$
declare
  e ledger.events;
  w ledger.webhooks;
  moment timestamptz;
begin
  select * into e from ledger.events as it where it.id = begin_x402_delivery.event_id
  for no key update;
  moment := ledger.clock();
  select * into w from ledger.webhooks as it where it.holder_id = e.holder_id;
  if (w.status = 'active') is not true or e.state <> 'pending'
    or e.attempt is distinct from begin_x402_delivery.attempt then
    return jsonb_build_object('outcome', 'over');
  end if;
  if e.begun_at > moment - interval '60 seconds' then
    return jsonb_build_object('outcome', 'under_way');
  end if;
  update ledger.events as it set begun_at = moment, due_at = moment + interval '2 minutes'
  where it.id = e.id;
  return jsonb_build_object('outcome', 'deliver', 'url', w.url,
    'secrets', (
      select jsonb_agg(s.secret order by s.created_at desc) from ledger.webhook_secrets as s
      where s.holder_id = w.holder_id and (s.expires_at is null or s.expires_at > moment)),
    'event', jsonb_build_object('event_id', e.id, 'kind', e.kind, 'subject_id', e.subject_id,
      'seq', e.seq, 'facts', e.facts,
      'happened_at', ledger.unix(e.happened_at), 'payment', ledger.answer(e.subject_id)));
end
$$;

-- Ends an attempt with what the receiver answered: a status, 'timeout', 'no_answer' or
-- 'url_not_allowed'. Answers 'delivered', 'later', 'dead', 'disabled', or 'over' for a repeat.
-- Gone (410) disables the webhook, an address that is not allowed too: its events wait. With the first
-- one that is delivered the receiver fails no more: what was not tried yet is due already, and taken.
-- What failed keeps its pause, or one event refused among many would spend its ten attempts on them.
create function api.end_x402_delivery(
  event_id uuid, attempt integer, answer text, retry_after integer)
returns text
language plpgsql security definer set search_path = ''
set enable_seqscan = off set statement_timeout = '10s' set lock_timeout = '1s'
as $$
declare
  e ledger.events;
  moment timestamptz;
  ended text;
  pause interval;
  why text := case answer when '410' then 'gone' when 'url_not_allowed' then answer end;
begin
  select * into e from ledger.events as it where it.id = end_x402_delivery.event_id
  for no key update;
  if e.id is null or e.state <> 'pending' or e.attempt <> end_x402_delivery.attempt then
    return 'over';
  end if;
  moment := ledger.clock();
  pause := greatest(ledger.attempt_delay(e.attempt - e.round + 1),
    make_interval(secs => least(coalesce(retry_after, 0), 86400)));
  ended := case
    when answer ~ '^2\d\d$' then 'delivered'
    when why is not null then 'disabled'
    when e.attempt - e.round >= 9 then 'dead'
    else 'later'
  end;

  if ended = 'disabled' then
    update ledger.webhooks as w set status = 'disabled', reason = why
    where w.holder_id = e.holder_id and w.status = 'active';
  elsif ended = 'delivered' then
    update ledger.webhooks as w set failing_since = null
    where w.holder_id = e.holder_id and w.failing_since is not null;
  else
    update ledger.webhooks as w set failing_since = moment
    where w.holder_id = e.holder_id and w.failing_since is null;
  end if;
  update ledger.events as it set
    state = case when ended in ('delivered', 'dead') then ended else 'pending' end,
    ended_at = case when ended in ('delivered', 'dead') then moment end,
    attempt = it.attempt + case when ended in ('delivered', 'dead') then 0 else 1 end,
    round = it.round + case when ended = 'disabled' then 1 else 0 end,
    due_at = case when ended = 'later' then moment + pause else it.due_at end,
    begun_at = null,
    last_answer = left(answer, 32)
  where it.id = e.id;
  return ended;
end
$$;

do $$
declare
  name text;
begin
  foreach name in array array['take_x402_events', 'begin_x402_delivery', 'end_x402_delivery'] loop
    execute format('revoke execute on function api.%I from public', name);
    execute format('grant execute on function api.%I to x402_drain', name);
    execute format('comment on function api.%I is %L', name, 'For the delivery of webhooks. See docs/webhooks.md.');
  end loop;
end
$$;
