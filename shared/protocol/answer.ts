/** The longest answer of an edge that is read, in bytes; its longest own is a tenth of that. */
const BYTES_MAX = 1_048_576

/**
 * The JSON of an answer, of which no more than a megabyte is ever held.
 *
 * @throws when it is longer, is no JSON, or ends before its time.
 */
export const jsonIn = (answer: Response): Promise<unknown> => bounded(answer, BYTES_MAX).json()

/** A message that can be read to so many bytes, and fails beyond. */
export function bounded({ body }: Request | Response, bytesMax: number): Response {
  let left = bytesMax
  return new Response(
    body?.pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(chunk, to) {
          left -= chunk.length
          if (left < 0) to.error(new RangeError('too long'))
          else to.enqueue(chunk)
        },
      }),
    ),
  )
}
