// Runs in Deno and in Bun: pays for one URL and says what came of it.
import process from 'node:process'
import { fileJournal, paymentOf, withPayments } from '@payos/x402/client'

const { url, journal, options } = JSON.parse(process.argv[2])
const pay = withPayments(fetch, { ...options, journal: fileJournal(journal) })
const response = await pay(url)
const { paymentId } = paymentOf(response) ?? {}
const told = { status: response.status, text: await response.text(), paymentId }
process.stdout.write(JSON.stringify(told))
