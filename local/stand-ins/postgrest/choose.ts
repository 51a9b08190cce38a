import type { ApiFunction } from './catalog.ts'
import { Refusal } from './failure.ts'
import { closest } from './similarity.ts'

export type Wanted = { schema: string; name: string; keys: readonly string[]; posted: boolean }

export type Choice = {
  function: ApiFunction
  /** The whole body is the one argument, because the function's parameter has no name. */
  wholeBody: boolean
}

/**
 * The one function of that name whose parameters the given keys fit.
 *
 * All required parameters must be given and nothing else than parameters; a POST that fits none may
 * fall back to a function whose single unnamed json parameter takes the whole body.
 */
export function chooseFunction(functions: readonly ApiFunction[], wanted: Wanted): Choice {
  const named = functions.filter((it) => it.schema === wanted.schema && it.name === wanted.name)
  const fitting = named.filter((it) => fits(it, wanted.keys))
  const whole = wanted.posted
    ? named.filter((it) => !fits(it, wanted.keys) && takesWholeBody(it))
    : []
  const candidates = fitting.length > 0 ? fitting : whole
  const [only] = candidates
  if (!only) throw notFound({ functions, named, wanted })
  if (candidates.length > 1) throw ambiguous(candidates)
  return { function: only, wholeBody: fitting.length === 0 }
}

function fits({ parameters }: ApiFunction, keys: readonly string[]): boolean {
  const given = new Set(keys)
  const known = new Set(parameters.map((it) => it.name))
  return (
    keys.every((key) => known.has(key)) &&
    parameters.every((it) => !it.required || given.has(it.name))
  )
}

const takesWholeBody = ({ parameters: [first, second] }: ApiFunction) =>
  first?.name === '' && !second && (first.type === 'json' || first.type === 'jsonb')

type Search = { functions: readonly ApiFunction[]; named: readonly ApiFunction[]; wanted: Wanted }

function notFound(search: Search): Refusal {
  const { schema, name, posted } = search.wanted
  const keys = search.wanted.keys.toSorted()
  const bare = ' without parameters'
  const list = keys.join(', ')
  const given = keys.length > 0 ? `(${list})` : bare
  const searched = keys.length > 0 ? ` with parameter${keys.length > 1 ? 's' : ''} ${list}` : bare
  const whole = posted ? ' or with a single unnamed json/jsonb parameter' : ''
  return new Refusal({
    status: 404,
    code: 'PGRST202',
    message: `Could not find the function ${schema}.${name}${given} in the schema cache`,
    details:
      `Searched for the function ${schema}.${name}${searched}${whole}, ` +
      'but no matches were found in the schema cache.',
    hint: hint(search),
  })
}

/** A name is guessed only when it is close; parameters of a known function more readily. */
function hint({ functions, named, wanted: { schema, name, keys } }: Search): string | null {
  const list = (names: readonly string[]) => `(${names.toSorted().join(', ')})`
  const guess =
    named.length === 0
      ? closest(
          functions.filter((it) => it.schema === schema).map((it) => it.name),
          name,
          0.75,
        )
      : closest(
          named.map((it) => list(it.parameters.map((parameter) => parameter.name))),
          list(keys),
          0.33,
        )
  if (guess === undefined) return null
  const shown = named.length === 0 ? guess : name + guess
  return `Perhaps you meant to call the function ${schema}.${shown}`
}

function ambiguous(candidates: readonly ApiFunction[]): Refusal {
  const shown = candidates.map(({ schema, name, parameters }) => {
    const list = parameters.map((it) => `${it.name} => ${it.type}`).join(', ')
    return `${schema}.${name}(${list})`
  })
  return new Refusal({
    status: 300,
    code: 'PGRST203',
    message: `Could not choose the best candidate function between: ${shown.join(', ')}`,
    hint:
      'Try renaming the parameters or the function itself in the database so function ' +
      'overloading can be resolved',
  })
}
