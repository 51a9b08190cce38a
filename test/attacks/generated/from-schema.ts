import fc from 'fast-check'
import type * as z from 'zod'

type Definition = {
  type: string
  shape?: Record<string, z.ZodType>
  innerType?: z.ZodType
  options?: readonly z.ZodType[]
  entries?: Record<string, string>
  values?: readonly unknown[]
  in?: z.ZodType
  checks?: readonly { _zod: { def: { pattern?: RegExp; minimum?: number } } }[]
}

const definitionOf = (schema: z.ZodType) => schema._zod.def as unknown as Definition

/** Values a schema takes, as far as its structure says; refinements are the caller's to meet. */
export function fromSchema(schema: z.ZodType): fc.Arbitrary<unknown> {
  const definition = definitionOf(schema)
  const make = makers[definition.type]
  if (!make) throw new Error(`no generator for the schema type ${definition.type}`)
  return make(definition)
}

/** The members an object schema names, and whether each may be left out. */
export function membersOf(schema: z.ZodType): { name: string; isOptional: boolean }[] {
  return Object.entries(definitionOf(schema).shape ?? {}).map(([name, member]) => ({
    name,
    isOptional: ['optional', 'default'].includes(definitionOf(member).type),
  }))
}

const inner = ({ innerType }: Definition) =>
  innerType ? fromSchema(innerType) : fc.constant(undefined)

const makers: Record<string, (definition: Definition) => fc.Arbitrary<unknown>> = {
  string: textOf,
  boolean: () => fc.boolean(),
  enum: ({ entries = {} }) => fc.constantFrom(...Object.values(entries)),
  literal: ({ values = [] }) => fc.constantFrom(...values),
  optional: inner,
  default: inner,
  union: ({ options = [] }) => fc.oneof(...options.map(fromSchema)),
  // What goes in is what a caller sends; a number is the one thing that is read by a class.
  pipe: ({ in: first }) => (first ? fromSchema(first) : fc.constant(undefined)),
  custom: () => fc.oneof(fc.nat(), fc.double({ noNaN: true, noDefaultInfinity: true })),
  object: ({ shape = {} }) =>
    fc.record(
      Object.fromEntries(Object.entries(shape).map(([name, it]) => [name, fromSchema(it)])),
    ),
}

function textOf({ checks = [] }: Definition): fc.Arbitrary<string> {
  const patterns = checks.flatMap(({ _zod }) => _zod.def.pattern ?? [])
  const [pattern] = patterns
  return pattern ? fc.stringMatching(pattern) : fc.string({ minLength: 1 })
}
