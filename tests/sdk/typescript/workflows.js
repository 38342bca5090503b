// The workflows: bundled by the worker and run in its isolate, so they import nothing but the SDK.
const workflow = require('@temporalio/workflow');

const { greet } = workflow.proxyActivities({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '10ms' },
});
const { double } = workflow.proxyLocalActivities({ startToCloseTimeout: '10s' });

const nameSignal = workflow.defineSignal('name');
const nameQuery = workflow.defineQuery('name');

async function child(number) {
  return number + 1;
}

// Waits for a name; its next run goes through one of everything.
async function greeting(name) {
  workflow.setHandler(nameSignal, (given) => {
    name = given;
  });
  workflow.setHandler(nameQuery, () => name);
  const waited = name === '';
  await workflow.condition(() => name !== '');
  if (waited) {
    await workflow.continueAsNew(name);
  }
  const grown = await workflow.executeChild(child, { args: [await double(20)] });
  await workflow.sleep(20);
  return `${await greet(name)} ${grown}`;
}

async function patient() {
  await workflow.sleep('1 hour');
}

module.exports = { child, greeting, patient };
