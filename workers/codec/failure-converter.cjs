// CommonJS, since the Temporal SDK loads it with `require`, in Node and in the bundle of the workflows.
const { DefaultFailureConverter } = require('@temporalio/common')

/** Messages and stack traces of failures go into an attribute that the codec encrypts. */
exports.failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true })
