-- What operators do with webhooks: register them, replace their secrets, look, replay.
--
-- Locks: none that matter; creates functions.
-- Undo: drop the functions.

-- Registers where a provider or an owner is told, or changes it; `active` again after `paused` or
-- `disabled`, with every event that waited. A first registration brings its first secret.
create function api.put_x402_webhook(
  holder_id uuid, url text, secret text default null, status text default 'active')
returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_variable
begin
  if not exists (select from ledger.providers as p where p.id = holder_id)
    and not exists (select from ledger.owners as o where o.id = holder_id) then
    raise exception 'a webhook is of a provider or of an owner' using errcode = '23503';
  end if;
  insert into ledger.webhooks (holder_id, url, status) values (holder_id, url, status)
  on conflict on constraint webhooks_pkey do update set
    url = excluded.url, status = excluded.status, reason = null;
  if not exists (select from ledger.webhook_secrets as s where s.holder_id = holder_id) then
    insert into ledger.webhook_secrets (holder_id, secret) values (holder_id, secret);
  elsif secret is not null and not exists (
    select from ledger.webhook_secrets as s where s.holder_id = holder_id and s.secret = secret
  ) then
    perform ledger.refuse_change('the webhook');
  end if;
  update ledger.providers as p set notified = true where p.id = holder_id and not p.notified;
end
$$;

-- Replaces the secrets of a webhook: the new one signs at once, the others beside it for a while
-- longer. `scheme`: 'same' ends only those of the new one's kind, 'all' every other.
create function api.put_x402_webhook_secret(
  holder_id uuid, secret text, overlap_seconds integer default 86400, scheme text default 'same')
returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_variable
declare
  ends timestamptz := ledger.clock() + make_interval(secs => overlap_seconds);
begin
  if overlap_seconds < 0 or scheme not in ('same', 'all') then
    raise exception 'an overlap is not negative, a scheme is same or all' using errcode = '22023';
  end if;
  insert into ledger.webhook_secrets (holder_id, secret, created_at)
  values (holder_id, secret, ledger.clock())
  on conflict do nothing;
  update ledger.webhook_secrets as s set expires_at = least(s.expires_at, ends)
  where s.holder_id = holder_id and s.secret <> secret
    and (scheme = 'all' or split_part(s.secret, '_', 1) = split_part(secret, '_', 1));
end
$$;

-- Ends a webhook: nothing is written for its holder any more, and what waited is gone.
create function api.remove_x402_webhook(holder_id uuid) returns boolean
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_variable
begin
  update ledger.providers as p set notified = false where p.id = holder_id;
  delete from ledger.events as e where e.holder_id = holder_id;
  delete from ledger.webhook_secrets as s where s.holder_id = holder_id;
  delete from ledger.webhooks as w where w.holder_id = holder_id;
  return found;
end
$$;

-- Sends events of one holder again: one, or those that happened in a range; only dead ones, unless
-- `state` is 'delivered' or 'all'. Those that still wait become due at once. Answers how many.
create function api.replay_x402_events(
  holder_id uuid, event_id uuid default null, since timestamptz default null,
  until timestamptz default null, state text default 'dead')
returns integer
language plpgsql security definer set search_path = '' set statement_timeout = '30s'
as $$
#variable_conflict use_variable
declare
  replayed integer;
begin
  if event_id is null and since is null then
    raise exception 'name an event, or since when' using errcode = '22023';
  end if;
  update ledger.events as e set
    state = 'pending', ended_at = null, begun_at = null, due_at = ledger.clock(),
    attempt = e.attempt + 1, round = e.attempt + 1
  where e.id in (
    select it.id from ledger.events as it
    where it.holder_id = holder_id
      and (event_id is null or it.id = event_id)
      and (since is null or it.happened_at >= since) and (until is null or it.happened_at < until)
      and (it.state in (state, 'pending') or state = 'all')
      and (it.begun_at is null or it.begun_at < ledger.clock() - interval '60 seconds')
    order by it.seq for update);
  get diagnostics replayed = row_count;
  return replayed;
end
$$;

-- How each webhook does: what waits, what is dead, and of the last `seconds` the delivery rate and the
-- lag from what happened to its delivery. What waits for a webhook that is not active is no failure.
create function api.get_x402_webhooks(holder_id uuid default null, seconds integer default 86400)
returns jsonb
language sql stable security definer set search_path = '' set statement_timeout = '10s'
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'holder_id', w.holder_id, 'url', w.url, 'status', w.status, 'reason', w.reason,
    'failing_since', w.failing_since, 'waiting', waits.events, 'oldest_seconds', waits.oldest,
    'delivered', done.delivered, 'dead', done.dead,
    'delivery_rate', done.delivered::float8 / nullif(done.delivered + done.dead, 0),
    'lag_seconds', jsonb_build_object('p50', done.lag[1], 'p95', done.lag[2], 'max', done.lag[3]),
    'secrets', (
      select jsonb_agg(jsonb_build_object('scheme', split_part(s.secret, '_', 1),
        'created_at', s.created_at, 'expires_at', s.expires_at) order by s.created_at)
      from ledger.webhook_secrets as s
      where s.holder_id = w.holder_id and (s.expires_at is null or s.expires_at > ledger.clock()))
    ) order by w.holder_id), '[]')
  from ledger.webhooks as w
  cross join lateral (
    select count(*) as events,
      ceil(extract(epoch from ledger.clock() - min(e.happened_at)))::integer as oldest
    from ledger.events as e where e.holder_id = w.holder_id and e.state = 'pending'
  ) as waits
  cross join lateral (
    select count(*) filter (where e.state = 'delivered') as delivered,
      count(*) filter (where e.state = 'dead') as dead,
      percentile_disc(array[0.5, 0.95, 1]) within group (order by
        round(extract(epoch from e.ended_at - e.happened_at), 3)::float8)
        filter (where e.state = 'delivered') as lag
    from ledger.events as e
    where e.holder_id = w.holder_id and e.state in ('delivered', 'dead')
      and e.ended_at > ledger.clock() - make_interval(secs => get_x402_webhooks.seconds)
  ) as done
  where get_x402_webhooks.holder_id is null or w.holder_id = get_x402_webhooks.holder_id
$$;

-- Events of one holder in one state, oldest first, to be looked at or replayed.
create function api.get_x402_events(holder_id uuid, state text default 'dead', most integer default 100)
returns jsonb
language sql stable security definer set search_path = '' set statement_timeout = '10s'
as $$
  select coalesce(jsonb_agg(jsonb_build_object('event_id', e.id, 'kind', e.kind,
    'subject_id', e.subject_id, 'seq', e.seq, 'happened_at', e.happened_at, 'attempt', e.attempt,
    'last_answer', e.last_answer, 'due_at', e.due_at, 'ended_at', e.ended_at) order by e.seq), '[]')
  from (
    select * from ledger.events as it
    where it.holder_id = get_x402_events.holder_id and it.state = get_x402_events.state
    order by it.seq limit get_x402_events.most
  ) as e
$$;

do $$
declare
  name text;
begin
  foreach name in array array['put_x402_webhook', 'put_x402_webhook_secret', 'remove_x402_webhook',
    'replay_x402_events', 'get_x402_webhooks', 'get_x402_events']
  loop
    execute format('revoke execute on function api.%I from public', name);
    execute format('grant execute on function api.%I to x402_operator', name);
    execute format('comment on function api.%I is %L', name, 'For operators. See docs/webhooks.md.');
  end loop;
end
$$;
