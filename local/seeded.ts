/**
 * Who and what `supabase/seed.sql` brings in, with the secrets to act as them.
 *
 * Public test values, known to everyone: never seeded in a live project.
 */
export const seeded = {
  owners: {
    ada: '10000000-0000-4000-8000-000000000001',
    grace: '10000000-0000-4000-8000-000000000002',
  },
  agents: {
    /** Pays with its API key alone. */
    plain: {
      id: '20000000-0000-4000-8000-000000000001',
      apiKey: 'pk_test_hiew86p5eVSC3JKu_JJtHNoYj8GE1K8QvVEPCwfI4DUhCfOJaucSkpUy0Qag0EWbfX',
      wallets: {
        USDC: '30000000-0000-4000-8000-000000000001',
        EURC: '30000000-0000-4000-8000-000000000002',
      },
    },
    /** Has a registered signer, so each of its payments must be signed. */
    signing: {
      id: '20000000-0000-4000-8000-000000000002',
      apiKey: 'pk_test_OGnOKMbOKdfj2yaG_AyJ2DKuff0lxh7SgJFXtASwLdw61he0s8auoGuHuaVs0XdapK',
      wallets: { USDC: '30000000-0000-4000-8000-000000000003' },
      privateJwk: {
        kty: 'OKP',
        crv: 'Ed25519',
        x: 'cT5ZtQr993ePuzqCaq85j6FvnFxStOM4M0im-IYgSc4',
        d: 'GLGaMmMLytJQdbwiVFarv_N-nvN5pe8I5MBhGLbjEaI',
      },
      thumbprint: 'UD03HaZ-Z7VDn3AYhqpvm7G2TInAaKYC3nz8Vb4pdCk',
    },
    /** May pay nothing. */
    suspended: {
      id: '20000000-0000-4000-8000-000000000003',
      apiKey: 'pk_test_gNpZJkdqQMdRq1qN_JsfNycAX9OoCJOnttDl9XLatGWQTcrKcY7YLoB7IgMj3oPwQO',
      wallets: { USDC: '30000000-0000-4000-8000-000000000004' },
    },
  },
  providers: {
    weather: {
      id: '40000000-0000-4000-8000-000000000001',
      apiKey: 'sk_test_Y2nmbB2iKm8Yl8q7_0kkpauLtwoSc3qAn82AIAlbDO0Ykh290exbHc9fMqJU33BcAM',
      endpoints: {
        free: '50000000-0000-4000-8000-000000000001',
        weather: '50000000-0000-4000-8000-000000000002',
        report: '50000000-0000-4000-8000-000000000003',
      },
    },
    europe: {
      id: '40000000-0000-4000-8000-000000000002',
      apiKey: 'sk_test_NTL8XDJ2FSlFp0s2_1zI7rDesDC9fGpY3tS0j0lCaa9I7OCVoW8kI5EAs4xY0JDqq3',
      endpoints: {
        free: '50000000-0000-4000-8000-000000000004',
        weather: '50000000-0000-4000-8000-000000000005',
        report: '50000000-0000-4000-8000-000000000006',
      },
    },
  },
} as const
