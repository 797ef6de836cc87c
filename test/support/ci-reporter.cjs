// mocha's spec reporter, and at the end "PASSED FAILED" into a file for .ci/run. Pending tests count as
// failed: in CI every client and server that a suite needs is there.
const { writeFileSync } = require('node:fs');
const { reporters, Runner } = require('mocha');

module.exports = class CiReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const { counts } = options.reporterOption ?? options.reporterOptions ?? {};
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = runner.stats;
      if (counts) writeFileSync(counts, `${passes} ${failures + pending}\n`);
    });
  }
};
