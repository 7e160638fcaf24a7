/**
 * Refuses a Node that is too old, in one sentence, before anything else runs.
 *
 * Imported first by every script, for its effect. It uses only syntax that an old Node can parse.
 */

const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Waxwing needs Node 20.19 or newer, and this is Node ${process.versions.node}: install a newer one.`);
  process.exit(1);
}
