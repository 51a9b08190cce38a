-- What a new PayOS on one machine starts with: two owners, three agents, two providers.
--
-- Safe to run again. The keys are public (their plain texts are in local/seeded.ts), so this file
-- never runs against a live project.

select api.put_x402_owner('10000000-0000-4000-8000-000000000001', 'Ada');
select api.put_x402_owner('10000000-0000-4000-8000-000000000002', 'Grace');

select api.put_x402_agent(id::uuid, owner::uuid, name, status)
from (values
  ('20000000-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', 'Weather watcher', 'active'),
  ('20000000-0000-4000-8000-000000000002', '10000000-0000-4000-8000-000000000001', 'Signing agent', 'active'),
  ('20000000-0000-4000-8000-000000000003', '10000000-0000-4000-8000-000000000002', 'Suspended agent', 'suspended')
) as agent (id, owner, name, status);

select api.put_x402_key(kind, id, holder::uuid, hash)
from (values
  ('agent', 'hiew86p5eVSC3JKu', '20000000-0000-4000-8000-000000000001',
    'd8a1c44f1193d2bfd49be103584f175d49664aa825f16c82dd2f60b527eaba63'),
  ('agent', 'OGnOKMbOKdfj2yaG', '20000000-0000-4000-8000-000000000002',
    '9023753c6a33b48dce5625b14f56c5e828d3e84f328c4ff73e5674645bc61c6a'),
  ('agent', 'gNpZJkdqQMdRq1qN', '20000000-0000-4000-8000-000000000003',
    'e59fc83f7bd7bcf73f2600cbb1485413aa393a4635aa832e7067f4b144131d38')
) as key (kind, id, holder, hash);

select api.put_x402_signer(
  '20000000-0000-4000-8000-000000000002', 'UD03HaZ-Z7VDn3AYhqpvm7G2TInAaKYC3nz8Vb4pdCk');

select api.put_x402_wallet(id::uuid, agent::uuid, currency)
from (values
  ('30000000-0000-4000-8000-000000000001', '20000000-0000-4000-8000-000000000001', 'USDC'),
  ('30000000-0000-4000-8000-000000000002', '20000000-0000-4000-8000-000000000001', 'EURC'),
  ('30000000-0000-4000-8000-000000000003', '20000000-0000-4000-8000-000000000002', 'USDC'),
  ('30000000-0000-4000-8000-000000000004', '20000000-0000-4000-8000-000000000003', 'USDC')
) as wallet (id, agent, currency);

-- Ten a payment, a hundred a day, a thousand a month; and a thousand in each wallet.
select api.put_x402_policy(id::uuid, '10000000', '100000000', '1000000000'),
  api.deposit_x402_funds(deposit::uuid, id::uuid, '1000000000')
from (values
  ('30000000-0000-4000-8000-000000000001', '60000000-0000-4000-8000-000000000001'),
  ('30000000-0000-4000-8000-000000000002', '60000000-0000-4000-8000-000000000002'),
  ('30000000-0000-4000-8000-000000000003', '60000000-0000-4000-8000-000000000003'),
  ('30000000-0000-4000-8000-000000000004', '60000000-0000-4000-8000-000000000004')
) as wallet (id, deposit);

select api.put_x402_provider('40000000-0000-4000-8000-000000000001', 'Weather House');
select api.put_x402_provider('40000000-0000-4000-8000-000000000002', 'Europe Data');

select api.put_x402_key(kind, id, holder::uuid, hash)
from (values
  ('provider', 'Y2nmbB2iKm8Yl8q7', '40000000-0000-4000-8000-000000000001',
    '9b61d5e973df66ad1356b14196644b41b327ef49f7ebe0d7a021d5fdb711fbbc'),
  ('provider', 'NTL8XDJ2FSlFp0s2', '40000000-0000-4000-8000-000000000002',
    '45be851cca4c62b9dc3d3fd986cfad311931e9e22ecf806fce02e8a4eae07267')
) as key (kind, id, holder, hash);

-- The echo provider of the local stack answers all of these.
select api.put_x402_endpoint(id::uuid, provider::uuid, 'GET', 'http://127.0.0.1:8402' || path, currency, price)
from (values
  ('50000000-0000-4000-8000-000000000001', '40000000-0000-4000-8000-000000000001', '/free', 'USDC', '0'),
  ('50000000-0000-4000-8000-000000000002', '40000000-0000-4000-8000-000000000001', '/weather', 'USDC', '1000'),
  ('50000000-0000-4000-8000-000000000003', '40000000-0000-4000-8000-000000000001', '/report', 'USDC', '5000000'),
  ('50000000-0000-4000-8000-000000000004', '40000000-0000-4000-8000-000000000002', '/europe/free', 'EURC', '0'),
  ('50000000-0000-4000-8000-000000000005', '40000000-0000-4000-8000-000000000002', '/europe/weather', 'EURC', '1000'),
  ('50000000-0000-4000-8000-000000000006', '40000000-0000-4000-8000-000000000002', '/europe/report', 'EURC', '5000000')
) as endpoint (id, provider, path, currency, price);
