// Runs a workflow with the official TypeScript SDK against the server at argv[2]: a retried activity,
// a local activity, a signal, a query, a child, continue-as-new and a cancellation.
const assert = require('node:assert/strict');
const { activityInfo } = require('@temporalio/activity');
const { Client, Connection, WorkflowFailedError } = require('@temporalio/client');
const { DefaultLogger, NativeConnection, Runtime, Worker } = require('@temporalio/worker');

const activities = {
  async greet(name) {
    if (activityInfo().attempt < 2) {
      throw new Error('the first attempt fails');
    }
    return `Hello, ${name}!`;
  },
  async double(number) {
    return 2 * number;
  },
};

async function exercise(client, taskQueue) {
  const handle = await client.workflow.start('greeting', {
    taskQueue,
    workflowId: `${taskQueue}-hello`,
    args: [''],
  });
  await handle.signal('name', 'TypeScript');
  assert.equal(await handle.result(), 'Hello, TypeScript! 41');
  assert.equal(await client.workflow.getHandle(handle.workflowId).query('name'), 'TypeScript');

  const waiting = await client.workflow.start('patient', {
    taskQueue,
    workflowId: `${taskQueue}-patient`,
  });
  await waiting.cancel();
  await assert.rejects(waiting.result(), (error) => {
    return error instanceof WorkflowFailedError && error.cause.name === 'CancelledFailure';
  });
}

async function main() {
  const address = process.argv[2];
  const taskQueue = `typescript-${process.pid}-${Date.now()}`;
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const native = await NativeConnection.connect({ address });
  const connection = await Connection.connect({ address });
  const worker = await Worker.create({
    connection: native,
    taskQueue,
    workflowsPath: require.resolve('./workflows'),
    activities,
  });
  await worker.runUntil(exercise(new Client({ connection }), taskQueue));
  await connection.close();
  await native.close();
  console.log('VERIFIED: the TypeScript SDK runs a workflow with one of everything');
}

main().catch((error) => {
  console.error('NOT VERIFIED:', error);
  process.exit(1);
});
