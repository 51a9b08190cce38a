-- What the edge reads, and the first use of a proof.
--
-- Locks: none that matter; creates functions.
-- Undo: drop the functions.

-- Who holds a provider key: {provider_id} or {problem}.
create function ledger.judge_provider(
  key_id text, key_hash text, out problem text, out provider_id uuid)
language sql stable set search_path = ''
as $$
  select case
      when (k.key_hash = decode(judge_provider.key_hash, 'hex')) is not true then 'key_invalid'
      when k.revoked_at is not null or k.expires_at <= ledger.clock() then 'key_revoked'
    end,
    k.provider_id
  from (values (judge_provider.key_id)) as given (id)
  left join ledger.provider_keys as k on k.id = given.id
$$;
comment on function ledger.judge_provider is 'Judges a provider''s key.';

-- The quote of an endpoint, for a 402 and for caches. Public: answers null for an unknown id.
create function api.get_x402_endpoint(endpoint_id uuid) returns jsonb
language sql stable security definer
set search_path = '' set enable_seqscan = off set statement_timeout = '3s'
as $$ select ledger.quote(get_x402_endpoint.endpoint_id) $$;
revoke execute on function api.get_x402_endpoint from public;
grant execute on function api.get_x402_endpoint to x402_edge;
comment on function api.get_x402_endpoint is 'The current quote of an endpoint.';

-- One payment, for its agent or its provider and nobody else; by id, or by wallet and request id.
-- Answers {outcome: 'payment', payment} or {outcome: <problem code>}; unknown and foreign look alike.
create function api.get_x402_payment(
  key_kind text, key_id text, key_hash text, payment_id uuid, wallet_id uuid, request_id text)
returns jsonb
language plpgsql stable security definer
set search_path = '' set enable_seqscan = off set statement_timeout = '3s'
as $$
#variable_conflict use_variable
declare
  caller record;
  payment jsonb;
begin
  if key_kind = 'agent' then
    select case
        when (k.key_hash = decode(key_hash, 'hex')) is not true then 'key_invalid'
        when k.revoked_at is not null or k.expires_at <= ledger.clock() then 'key_revoked'
      end as problem, k.agent_id as id
    into caller
    from (values (key_id)) as given (id)
    left join ledger.agent_keys as k on k.id = given.id;
  else
    select j.problem, j.provider_id as id into caller
    from ledger.judge_provider(key_id, key_hash) as j;
  end if;
  if caller.problem is not null then
    return jsonb_build_object('outcome', caller.problem);
  end if;

  payment := ledger.story(coalesce(payment_id, (
    select p.id from ledger.payments as p
    where p.wallet_id = wallet_id and p.request_id = request_id and not p.conflict)));
  if payment is null or caller.id::text is distinct from payment ->> (key_kind || '_id')
    or payment ->> 'request_id' is distinct from coalesce(request_id, payment ->> 'request_id') then
    return jsonb_build_object('outcome', 'not_found');
  end if;
  return jsonb_build_object('outcome', 'payment', 'payment', payment);
end
$$;
revoke execute on function api.get_x402_payment from public;
grant execute on function api.get_x402_payment to x402_edge;
comment on function api.get_x402_payment is 'State of one payment, for those it concerns.';

-- Whether a payment covers its endpoint's price: the current one, or that of the version it was
-- made under while that version was valid within the last 180 seconds.
create function ledger.covers(payment ledger.payments) returns boolean
language sql stable set search_path = ''
as $$
  select exists (
    select from ledger.endpoint_prices as v
    left join ledger.endpoint_prices as n
      on n.endpoint_id = v.endpoint_id and n.version = v.version + 1
    where v.endpoint_id = payment.endpoint_id
      and v.amount <= payment.amount
      and v.valid_from <= ledger.clock()
      and (n.valid_from is null or n.valid_from > ledger.clock()
        or v.version = payment.price_version
          and n.valid_from > ledger.clock() - interval '180 seconds'))
$$;
comment on function ledger.covers is 'Whether the amount is a price the endpoint stands by.';

-- Claims the first use for an attempt: null when it is that attempt''s, else the reason it is not.
create function ledger.claim_redemption(payment_id uuid, attempt_id text) returns text
language plpgsql set search_path = ''
as $$
begin
  insert into ledger.redemptions (payment_id, attempt_id, claimed_at)
  values (claim_redemption.payment_id, claim_redemption.attempt_id, ledger.clock())
  on conflict do nothing;
  if exists (
    select from ledger.redemptions as r
    where r.payment_id = claim_redemption.payment_id and r.attempt_id = claim_redemption.attempt_id
  ) then
    return null;
  end if;
  return 'proof_already_used';
end
$$;
comment on function ledger.claim_redemption is 'The first attempt wins, for good.';

-- Judges what only the ledger knows about a proof, and claims or releases its first use.
--
-- `action`: 'check' writes nothing; 'consume' claims for `attempt_id`; 'release' gives a claim of
-- the same attempt back within 60 seconds. Nothing is written unless every judgement passed.
-- Answers {outcome: 'checked', reason: <proof reason> | null, payment} or {outcome: <problem code>}.
-- Safe to repeat: one attempt claims once, however often it asks; what was captured is not released.
-- Locks at most the claim; a release, the payment before it.
create function api.check_x402_proof(
  key_id text, key_hash text, payment_id uuid, endpoint_id uuid, audience text, minimum text,
  action text, attempt_id text)
returns jsonb
language plpgsql security definer
set search_path = '' set enable_seqscan = off
set statement_timeout = '3s' set lock_timeout = '1s'
as $$
#variable_conflict use_variable
declare
  caller record;
  payment ledger.payments;
  endpoint_provider uuid;
  reason text;
begin
  select * into caller from ledger.judge_provider(key_id, key_hash);
  if caller.problem is not null then
    return jsonb_build_object('outcome', caller.problem);
  end if;
  select e.provider_id into endpoint_provider from ledger.endpoints as e where e.id = endpoint_id;
  if endpoint_provider is distinct from caller.provider_id then
    return jsonb_build_object('outcome', 'not_found');
  end if;

  if action = 'release' then -- no capture and no refund comes in between
    perform from ledger.payments as p
    where p.id = payment_id and p.provider_id = caller.provider_id for no key update;
  end if;
  select * into payment from ledger.payments as p where p.id = payment_id;
  reason := case
    when audience is distinct from caller.provider_id::text then 'proof_wrong_audience'
    when payment.id is null or payment.provider_id <> caller.provider_id then 'proof_wrong_audience'
    when payment.endpoint_id <> endpoint_id then 'proof_wrong_endpoint'
    when minimum is null and not ledger.covers(payment) then 'proof_amount_low'
    when minimum is not null and payment.amount < minimum::bigint then 'proof_amount_low'
    else ledger.judge_state(payment)
  end;
  if reason is null and action = 'consume' then
    reason := ledger.claim_redemption(payment.id, attempt_id);
  elsif reason is null and action = 'release' then
    delete from ledger.redemptions as r
    where r.payment_id = payment.id and r.attempt_id = attempt_id
      and r.claimed_at > ledger.clock() - interval '60 seconds'
      and not exists (select from ledger.captures as c where c.payment_id = payment.id);
    if exists (select from ledger.redemptions as r where r.payment_id = payment.id) then
      reason := 'proof_already_used';
    end if;
  end if;
  return jsonb_build_object('outcome', 'checked', 'reason', reason,
    'payment', case when payment.provider_id = caller.provider_id then ledger.story(payment.id) end);
end
$$;
revoke execute on function api.check_x402_proof from public;
grant execute on function api.check_x402_proof to x402_edge;
comment on function api.check_x402_proof is 'The ledger''s half of verifying a proof, first use included.';
