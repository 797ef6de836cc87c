// mocha's spec reporter, and at the end "PASSED FAILED" into a file for .ci/run. Pending tests count as
// failed: in CI every client and server that a suite needs is there. A test that failed once and passed
// when it was repeated is named, with what it said the first time.
const { writeFileSync } = require('node:fs');
const { reporters, Runner } = require('mocha');

module.exports = class CiReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const { counts } = options.reporterOption ?? options.reporterOptions ?? {};
    const unsteady = [];
    runner.on(Runner.constants.EVENT_TEST_RETRY, (test, error) => {
      unsteady.push(`${test.fullTitle()}: ${error.message}`);
    });
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = runner.stats;
      for (const line of unsteady) process.stdout.write(`Passed or failed only when repeated: ${line}\n`);
      if (counts) writeFileSync(counts, `${passes} ${failures + pending}\n`);
    });
  }
};
