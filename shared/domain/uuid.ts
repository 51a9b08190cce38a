/**
 * A UUID in its one canonical form, lower case with hyphens (RFC 9562 §4).
 *
 * Upper case is refused, not lowered: an id that is hashed or compared has one spelling.
 */
export const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
