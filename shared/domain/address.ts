/**
 * The part of a connecting address that one party holds: an IPv4 address as a whole, of an IPv6
 * address the first 64 bits. Two spellings of one address give the same text.
 */
export function addressBlockOf(address: string): string {
  const text = address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '')
  if (!text.includes(':')) return text

  const [before = [], after] = text.split('::').map(groupsOf)
  const zeros = after ? Math.max(0, 8 - before.length - after.length) : 0
  return [...before, ...Array<string>(zeros).fill('0'), ...(after ?? [])].slice(0, 4).join(':')
}

const groupsOf = (part: string): string[] =>
  part.split(':').flatMap((group) => (group === '' ? [] : [group.replace(/^0+(?=.)/, '')]))
