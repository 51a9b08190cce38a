-- Ending the right to issue: by a change of its terms, or by an operator.
--
-- Locks: the five tables exclusively, for as long as a trigger takes to add.
-- Undo: drop the triggers and functions; drop trigger leases_fork on ledger.leases.

-- Has the owner told that a lease promises no more. One that another takes the place of is not told.
create function ledger.tell_revoked(l ledger.leases, reason text) returns void
language plpgsql set search_path = ''
as $$
begin
  perform ledger.emit('lease.revoked', l.id, a.owner_id, jsonb_build_object(
    'wallet_id', l.wallet_id, 'region', l.region, 'reason', tell_revoked.reason))
  from ledger.wallets as w join ledger.agents as a on a.id = w.agent_id where w.id = l.wallet_id;
end
$$;
comment on function ledger.tell_revoked is 'Writes lease.revoked for the owner.';

-- Takes the right to issue from every open lease of these wallets; the caller holds their locks.
create function ledger.end_leases(wallets uuid[]) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  ended jsonb := '[]';
  l ledger.leases;
begin
  for l in
    select * from ledger.leases as it
    where it.wallet_id = any (end_leases.wallets) and it.state = 'open'
    order by it.id for no key update
  loop
    update ledger.leases as it set state = 'revoked' where it.id = l.id;
    perform ledger.tell_revoked(l, 'terms');
    ended := ended || jsonb_build_object(
      'lease_id', l.id, 'wallet_id', l.wallet_id, 'region', l.region, 'epoch', l.epoch);
  end loop;
  return ended;
end
$$;
comment on function ledger.end_leases is 'Open leases become revoked. What they promised stays payable.';

create function ledger.tell_fork() returns trigger
language plpgsql set search_path = ''
as $$
begin
  perform ledger.tell_revoked(new, 'forked');
  return null;
end
$$;
comment on function ledger.tell_fork is 'Tells the owner of a lease that forked while it was open.';
create trigger leases_fork after update on ledger.leases for each row
  when (new.forked and not old.forked and old.state = 'open') execute function ledger.tell_fork();

-- What ends the right to issue, ends it in the same transaction: a changed policy, a frozen wallet, a
-- suspended agent, a key or signer of another standing. The wallets are locked before their leases,
-- as everywhere, so a grant under way is either seen here or sees the change. Their terms are
-- counted up, so that a payment which waits for one is judged anew.
create function ledger.revoke_outdated() returns trigger
language plpgsql set search_path = ''
as $$
declare
  held uuid[];
begin
  if tg_table_name = 'policies' then
    held := array[new.wallet_id];
  elsif tg_table_name = 'wallets' then
    held := array[new.id];
  else
    select array_agg(w.id) into held from (
      select it.id from ledger.wallets as it
      where it.agent_id = case tg_table_name when 'agents' then to_jsonb(new) ->> 'id'
        else to_jsonb(new) ->> 'agent_id' end::uuid
      order by it.id for no key update) as w;
  end if;
  if tg_table_name <> 'wallets' then
    update ledger.wallets as w set terms = w.terms + 1 where w.id = any (held);
  end if;
  perform ledger.end_leases(held);
  return null;
end
$$;
comment on function ledger.revoke_outdated is 'Revokes the leases whose terms a change of a row made untrue.';

create trigger policies_end_leases after update on ledger.policies
  for each row when (old.* is distinct from new.*) execute function ledger.revoke_outdated();
create trigger wallets_end_leases after update of status on ledger.wallets
  for each row when (new.status <> 'active' and old.status <> new.status)
  execute function ledger.revoke_outdated();
create trigger agents_end_leases after update of status on ledger.agents
  for each row when (new.status <> 'active' and old.status <> new.status)
  execute function ledger.revoke_outdated();
create trigger keys_end_leases after update on ledger.agent_keys
  for each row when (old.* is distinct from new.*) execute function ledger.revoke_outdated();
create trigger signers_end_leases after update on ledger.agent_signers
  for each row when (old.* is distinct from new.*) execute function ledger.revoke_outdated();
create trigger first_signers_end_leases after insert on ledger.agent_signers
  for each row execute function ledger.revoke_outdated();

-- Sets who may use leases: part of the wallet's policy, and a new version of it.
create function api.put_x402_settlement(wallet_id uuid, settlement text) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_variable
begin
  perform from ledger.wallets as w where w.id = wallet_id for no key update;
  update ledger.policies as p
  set settlement = put_x402_settlement.settlement, version = p.version + 1, changed_at = ledger.clock()
  where p.wallet_id = wallet_id and p.settlement <> put_x402_settlement.settlement;
  if not found and not exists (select from ledger.policies as p where p.wallet_id = wallet_id) then
    raise exception 'the wallet has no policy' using errcode = '23503', hint = 'put a policy first';
  end if;
end
$$;

-- Revokes the open leases of a wallet; answers which, so that their stores can forget them.
create function api.revoke_x402_leases(wallet_id uuid) returns jsonb
language plpgsql security definer set search_path = '' set lock_timeout = '1s'
as $$
begin
  perform from ledger.wallets as w where w.id = revoke_x402_leases.wallet_id for no key update;
  return ledger.end_leases(array[revoke_x402_leases.wallet_id]);
end
$$;

-- Where leases were ended that may still lie in Redis, so that they can be deleted there. One that
-- another took the place of is not among them.
create function api.get_x402_ended_leases() returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(distinct jsonb_build_object('wallet_id', l.wallet_id, 'region', l.region)),
    '[]')
  from ledger.leases as l
  where l.state <> 'reclaimed' and l.reclaim_after > ledger.clock() and not exists (
    select from ledger.leases as it
    where it.wallet_id = l.wallet_id and it.region = l.region and it.state = 'open')
$$;

-- Stops new leases of a wallet, or of everyone with the nil id; open ones run out by themselves.
create function api.stop_x402_leases(wallet_id uuid, reason text) returns void
language sql security definer set search_path = ''
as $$
  insert into ledger.lease_stops (wallet_id, reason)
  values (stop_x402_leases.wallet_id, stop_x402_leases.reason) on conflict do nothing
$$;

create function api.resume_x402_leases(wallet_id uuid) returns boolean
language plpgsql security definer set search_path = ''
as $$
begin
  delete from ledger.lease_stops as s where s.wallet_id = resume_x402_leases.wallet_id;
  return found;
end
$$;

do $$
declare
  name text;
begin
  foreach name in array array[
    'put_x402_settlement', 'revoke_x402_leases', 'get_x402_ended_leases', 'stop_x402_leases',
    'resume_x402_leases']
  loop
    execute format('revoke execute on function api.%I from public', name);
    execute format('grant execute on function api.%I to x402_operator', name);
    execute format('comment on function api.%I is %L', name, 'For operators. See docs/runbook.md.');
  end loop;
end
$$;
