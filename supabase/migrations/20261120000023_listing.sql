-- What a provider says of an endpoint beyond its price: how long holds last, whether it is listed.
--
-- Locks: none that matter; creates functions.
-- Undo: drop the functions.

-- Sets the terms that are given; the others stay. Holds that were taken keep theirs.
create function api.put_x402_endpoint_terms(
  endpoint_id uuid, hold_seconds integer default null, discoverable boolean default null)
returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_variable
begin
  update ledger.endpoints as e set
    hold_seconds = coalesce(put_x402_endpoint_terms.hold_seconds, e.hold_seconds),
    discoverable = coalesce(put_x402_endpoint_terms.discoverable, e.discoverable)
  where e.id = endpoint_id;
  if not found then
    raise exception 'the endpoint is not known' using errcode = '23503';
  end if;
end
$$;
revoke execute on function api.put_x402_endpoint_terms from public;
grant execute on function api.put_x402_endpoint_terms to x402_operator;
comment on function api.put_x402_endpoint_terms is 'For operators. See docs/runbook.md.';

-- Endpoints that are listed, cost something and take payments, oldest first: a page of quotes, each
-- with the moment its price began, and how many there are. Public.
create function api.list_x402_endpoints(most integer, skip integer) returns jsonb
language sql stable security definer
set search_path = '' set enable_seqscan = off set statement_timeout = '3s'
as $$
  with listed as materialized (
    select e.id, e.created_at, v.valid_from
    from ledger.endpoints as e
    join ledger.providers as p on p.id = e.provider_id and p.status = 'active'
    join lateral (
      select it.amount, it.valid_from from ledger.endpoint_prices as it
      where it.endpoint_id = e.id and it.valid_from <= ledger.clock()
      order by it.version desc limit 1
    ) as v on v.amount > 0
    where e.discoverable and e.status = 'active'
  )
  select jsonb_build_object('total', (select count(*) from listed), 'endpoints', (
    select coalesce(jsonb_agg(ledger.quote(page.id)
      || jsonb_build_object('since', ledger.unix(page.valid_from)) order by page.created_at, page.id), '[]')
    from (
      select * from listed as l order by l.created_at, l.id
      limit list_x402_endpoints.most offset list_x402_endpoints.skip
    ) as page))
$$;
revoke execute on function api.list_x402_endpoints from public;
grant execute on function api.list_x402_endpoints to x402_edge;
comment on function api.list_x402_endpoints is 'The endpoints anyone may find.';
