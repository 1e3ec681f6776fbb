/**
 * Text for one line of a log. Parts of it come from servers and from names that others chose, and they must not begin a line
 * of their own, colour or clear a terminal, reverse what stands beside them, or hide in it.
 */

/** Control characters (ANSI escapes among them), and the separators of lines and paragraphs. */
const BREAKS = /[\p{Cc}\p{Zl}\p{Zp}]+/gu;
/** Format characters: changes of direction, joiners, letters of no width. */
const INVISIBLE = /\p{Cf}+/gu;
const UNFIT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** In UTF-16 units. */
const MAX_LENGTH = 2_000;

/** The text without such characters, and cut where it would be too long. */
export function oneLine(text: string): string {
  // Cut first, so that what is too long costs nothing, and never between the halves of a character.
  const isLong = text.length > MAX_LENGTH;
  const kept = isLong ? `${text.slice(0, MAX_LENGTH - 1).replace(/[\ud800-\udbff]$/, "")}…` : text;
  return kept.replace(BREAKS, " ").replace(INVISIBLE, "");
}

/** The text with such characters as escapes, for quotations. */
export function escapeUnfit(text: string): string {
  return text.replace(UNFIT, (character) => {
    const code = (character.codePointAt(0) as number).toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, "0")}`;
  });
}
