-- The flow PayOS replaced, in a schema of its own: one function a query, as each was one trip.
-- It is built as its own analysis lists it, no slower: every query finds its row by an index.

create schema reference;
grant usage on schema reference to x402_edge;

create table reference.wallets (
  id uuid primary key, balance bigint not null check (balance >= 0), payment_max bigint not null,
  day_max bigint not null, day_spent bigint not null default 0) with (fillfactor = 50);
create table reference.provider_wallets (
  id uuid primary key, balance bigint not null default 0) with (fillfactor = 50);
create table reference.endpoints (
  id uuid primary key, provider_id uuid not null, price bigint not null,
  payments bigint not null default 0, volume bigint not null default 0) with (fillfactor = 50);
create table reference.transfers (
  id uuid primary key, wallet_id uuid not null, request_id text not null, endpoint_id uuid not null,
  amount bigint not null, status text not null, created_at timestamptz not null default now(),
  unique (wallet_id, request_id));

insert into reference.wallets (id, balance, payment_max, day_max)
  select w.id, w.balance, p.payment_max, p.day_max
  from ledger.wallets as w join ledger.policies as p on p.wallet_id = w.id;
insert into reference.provider_wallets (id) select id from ledger.providers;
insert into reference.endpoints (id, provider_id, price)
  select e.id, e.provider_id, p.amount
  from ledger.endpoints as e join ledger.endpoint_prices as p on p.endpoint_id = e.id;

create function reference.find_transfer(of_wallet uuid, of_request text) returns json
language sql stable security definer as $$
  select row_to_json(t) from reference.transfers as t
  where t.wallet_id = of_wallet and t.request_id = of_request $$;

create function reference.get_endpoint(of_endpoint uuid) returns json
language sql stable security definer as $$
  select json_build_object('id', id, 'provider_id', provider_id, 'price', price)
  from reference.endpoints where id = of_endpoint $$;

create function reference.get_wallet(of_wallet uuid) returns json
language sql stable security definer as $$
  select json_build_object('id', id, 'balance', balance) from reference.wallets
  where id = of_wallet $$;

create function reference.get_endpoint_and_wallet(of_endpoint uuid, of_wallet uuid) returns json
language sql stable security definer as $$
  select json_build_object('endpoint', reference.get_endpoint(of_endpoint),
    'wallet', reference.get_wallet(of_wallet)) $$;

create function reference.check_policy(of_wallet uuid, wanted bigint) returns boolean
language sql stable security definer as $$
  select wanted <= payment_max and day_spent + wanted <= day_max from reference.wallets
  where id = of_wallet $$;

create function reference.insert_transfer(
  new_id uuid, of_wallet uuid, of_request text, of_endpoint uuid, wanted bigint) returns boolean
language sql security definer as $$
  insert into reference.transfers (id, wallet_id, request_id, endpoint_id, amount, status)
  values (new_id, of_wallet, of_request, of_endpoint, wanted, 'pending') returning true $$;

create function reference.settle_transfers(ids uuid[]) returns bigint
language plpgsql security definer as $$
declare
  settled bigint := 0;
  t record;
begin
  for t in update reference.transfers set status = 'settled'
    where id = any (ids) and status = 'pending' returning *
  loop
    update reference.wallets set balance = balance - t.amount, day_spent = day_spent + t.amount
    where id = t.wallet_id;
    update reference.provider_wallets as p set balance = p.balance + t.amount
    from reference.endpoints as e where e.id = t.endpoint_id and p.id = e.provider_id;
    settled := settled + 1;
  end loop;
  return settled;
end $$;

create function reference.get_provider_wallet(of_endpoint uuid) returns json
language sql stable security definer as $$
  select row_to_json(p) from reference.provider_wallets as p
  join reference.endpoints as e on e.provider_id = p.id where e.id = of_endpoint $$;

create function reference.update_statistics(of_endpoint uuid, more bigint, paid bigint)
returns boolean
language sql security definer as $$
  update reference.endpoints set payments = payments + more, volume = volume + paid
  where id = of_endpoint returning true $$;

create function reference.verify_transfer(of_id uuid, of_endpoint uuid) returns boolean
language sql stable security definer as $$
  select exists (select from reference.transfers where id = of_id and endpoint_id = of_endpoint) $$;

grant execute on all functions in schema reference to x402_edge;
analyze;
