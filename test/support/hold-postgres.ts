/**
 * A program for specs: starts a Postgres in the data directory named on the command line (or a
 * temporary one), prints its address as a line, and stops it in order when its input ends.
 */
import { startPostgres } from '../../local/postgres.ts'

const postgres = await startPostgres({ dataDir: process.argv[2] })
process.stdout.write(`${postgres.url('postgres')}\n`)
for await (const _ of process.stdin);
await postgres.stop()
