/** The longest answer that is read unless the user says otherwise, in bytes. */
export const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
