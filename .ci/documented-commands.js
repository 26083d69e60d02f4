/** Reads the commands in Markdown, and compares their output with what is shown there. Shared with e2e/. */

/**
 * All blocks of commands in a text, each with the block of output that follows it, if there is one.
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

/** Blanks what differs from call to call: ids, times and durations. */
const blank = (text) =>
  text
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME')
    .replace(/\d+(\.\d+)? ms/g, 'N ms')
    .replace(/dur=[\d.]+/g, 'dur=N')
    .replaceAll('\r', '')
    .trim();

/**
 * Whether an output is the one shown, apart from ids, times and durations. A line `…` stands for any lines.
 *
 * @param {string} output
 * @param {string} shown
 */
function isShown(output, shown) {
  const escaped = blank(shown).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/^…$/gm, '[^]*')}$`).test(blank(output));
}

/**
 * A command with the addresses of a pair of services instead of the documented ones.
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
