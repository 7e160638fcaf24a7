/**
 * Runs compiled test files with node:test, several at a time, and reports: a line for each file, every failure in full,
 * the slowest files, and as the last line the count.
 *
 * Each file is a run of its own, in a process of its own, so that a crash or a hang of one is told apart from the rest.
 */

import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { inspect, parseArgs } from 'node:util';
import { distDir } from './paths.mjs';

const fileLimitMs = 10 * 60_000;
const maxOutputChars = 200_000;
const testDir = join(distDir, 'test');

/**
 * @typedef {object} FileReport
 * @property {string} name as in the sources: "test/mail/flags.test.ts"
 * @property {number} passed
 * @property {number} skipped
 * @property {{title: string, error: unknown}[]} failures
 * @property {string} output what the file printed
 * @property {number} ms
 */

const { values: options, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: {
    grep: { type: 'string', multiple: true, default: [] },
    concurrency: { type: 'string', default: '4' },
    verbose: { type: 'boolean', default: false },
  },
});

const patterns = options.grep.map((pattern) => new RegExp(pattern));
const files = testFiles(filters);
const reports = await runAll(files, Math.max(1, Number(options.concurrency) || 4));
process.exitCode = summarise(reports) ? 0 : 1;

/** @returns {string[]} the test files that one of the filters matches; all, if there is no filter */
function testFiles(filters) {
  const wanted = filters.map((filter) => filter.replace(/^\.\//, '').replace(/\.ts$/, '.js'));
  return readdirSync(testDir, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.js'))
    .filter((path) => wanted.length === 0 || wanted.some((part) => join('test', path).includes(part)))
    .sort()
    .map((path) => join(testDir, path));
}

async function runAll(files, concurrency) {
  const waiting = [...files];
  /** @type {FileReport[]} */
  const reports = [];
  const worker = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      const report = await runFile(file);
      reports.push(report);
      tellFile(report);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return reports;
}

/** @returns {Promise<FileReport>} */
async function runFile(file) {
  const name = relative(distDir, file).replace(/\.js$/, '.ts');
  const report = { name, passed: 0, skipped: 0, failures: [], output: '', ms: 0 };
  const startedAt = Date.now();
  const titles = [];
  const keep = ({ message }) => {
    report.output = (report.output + message).slice(-maxOutputChars);
  };
  const events = run({
    files: [file],
    concurrency: 1,
    timeout: fileLimitMs,
    ...(patterns.length > 0 && { testNamePatterns: patterns }),
  });
  events.on('test:stdout', keep);
  events.on('test:stderr', keep);
  events.on('test:start', ({ name, nesting }) => {
    titles.length = nesting;
    titles[nesting] = name;
  });
  events.on('test:pass', (test) => {
    if (test.details.type === 'suite' || isFile(test, file)) return;
    if (test.skip !== undefined || test.todo !== undefined) report.skipped += 1;
    else report.passed += 1;
  });
  events.on('test:fail', (test) => {
    const { error } = test.details;
    if (test.todo !== undefined) report.skipped += 1;
    // A suite, or the file, fails with its tests; those are told already.
    else if (error.failureType !== 'subtestsFailed') {
      const title = isFile(test, file) ? 'the file itself' : [...titles.slice(0, test.nesting), test.name].join(' > ');
      report.failures.push({
        title,
        error: error.exitCode === undefined ? (error.cause ?? error) : describeEnd(error),
      });
    }
  });
  events.resume();
  await new Promise((resolve, reject) => events.on('end', resolve).on('error', reject));
  report.ms = Date.now() - startedAt;
  return report;
}

/** node:test reports a whole file as a test named by its path. */
function isFile(test, file) {
  return test.nesting === 0 && (test.name === file || test.name === relative(process.cwd(), file));
}

/** @param {FileReport} report */
function tellFile({ name, passed, skipped, failures, output, ms }) {
  const counts = `${passed} passed${failures.length ? `, ${failures.length} failed` : ''}${skipped ? `, ${skipped} skipped` : ''}`;
  console.log(`${failures.length ? 'FAIL' : 'ok  '}  ${name}  ${counts}  ${(ms / 1000).toFixed(1)} s`);
  for (const { title, error } of failures) console.log(`\n  FAILED  ${title}\n${indent(describe(error))}\n`);
  if (output && (failures.length || options.verbose)) console.log(`  It printed:\n${indent(output.trimEnd())}\n`);
}

/** A file that ended without saying which test failed. */
function describeEnd({ exitCode, signal }) {
  return signal ? `It was ended by ${signal}.` : `It ended with exit code ${exitCode}.`;
}

function describe(error) {
  return typeof error === 'string' ? error : inspect(error, { depth: 8, maxStringLength: 4_000 });
}

function indent(text) {
  return text.replace(/^/gm, '    ');
}

/** @returns {boolean} whether all is well */
function summarise(reports) {
  const slowest = [...reports].sort((a, b) => b.ms - a.ms).slice(0, 10);
  if (slowest.length > 1) {
    console.log(`\nThe slowest files:`);
    for (const { name, ms } of slowest) console.log(`  ${(ms / 1000).toFixed(1).padStart(6)} s  ${name}`);
  }
  const failures = reports.flatMap(({ name, failures }) => failures.map(({ title }) => `${name}: ${title}`));
  if (failures.length > 0) console.log(`\nFailed:\n${failures.map((failure) => `  ${failure}`).join('\n')}`);
  const passed = reports.reduce((sum, report) => sum + report.passed, 0);
  const skipped = reports.reduce((sum, report) => sum + report.skipped, 0);
  if (passed + failures.length === 0) console.log('\nThere was no test to run.');
  console.log(`\n${passed} passed, ${failures.length} failed${skipped ? `, ${skipped} skipped` : ''}`);
  return failures.length === 0 && passed > 0;
}
