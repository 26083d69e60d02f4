/** Reads the commands in Markdown, and compares their output with the output shown there. Shared with e2e/. */

/**
 * Returns all blocks of commands in a text, each with the output block that follows it, if any.
 *
 * @param {string} markdown
 * @returns {{ commands: string[], shown?: string }[]}
 */
function blocksOf(markdown) {
  const blocks = [];
  for (const [, commands, shown] of markdown.matchAll(
    /^```sh\n([^]*?)\n```$(?:\n\n```(?:json|text|http)?\n([^]*?)\n```$)?/gm,
  )) {
    blocks.push({ commands: commands.replaceAll('\\\n', '').split('\n'), shown });
  }
  return blocks;
}

/** Replaces what differs between calls: ids, times and durations. */
const blank = (text) =>
  text
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME')
    .replace(/\d+(\.\d+)? ms/g, 'N ms')
    .replace(/dur=[\d.]+/g, 'dur=N')
    .replaceAll('\r', '')
    .trim();

/**
 * Returns whether an output matches the one shown, except ids, times and durations. A line `…` matches any lines.
 *
 * @param {string} output
 * @param {string} shown
 */
function isShown(output, shown) {
  const escaped = blank(shown).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/^…$/gm, '[^]*')}$`).test(blank(output));
}

/**
 * Replaces the documented addresses in a command with those of running services.
 *
 * @param {string} command
 * @param {{ offers: string, confirmPayment: string }} pair
 */
function addressed(command, pair) {
  return command
    .replace(/(http:\/\/)?localhost:8080/g, pair.offers)
    .replace(/(http:\/\/)?localhost:8000/g, pair.confirmPayment);
}

module.exports = { addressed, blank, blocksOf, isShown };
