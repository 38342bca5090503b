import io.temporal.activity.Activity;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.activity.LocalActivityOptions;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.common.RetryOptions;
import io.temporal.failure.CanceledFailure;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import java.util.UUID;

/**
 * Runs a workflow with the official Java SDK against the server at args[0]: a retried activity, a
 * local activity, a signal, a query, a child, continue-as-new and a cancellation.
 */
public class Hello {
  @ActivityInterface
  public interface Activities {
    String greet(String name);

    int twice(int number);
  }

  public static class ActivitiesImpl implements Activities {
    @Override
    public String greet(String name) {
      if (Activity.getExecutionContext().getInfo().getAttempt() < 2) {
        throw new IllegalStateException("the first attempt fails");
      }
      return "Hello, " + name + "!";
    }

    @Override
    public int twice(int number) {
      return 2 * number;
    }
  }

  @WorkflowInterface
  public interface Child {
    @WorkflowMethod
    int grow(int number);
  }

  public static class ChildImpl implements Child {
    @Override
    public int grow(int number) {
      return number + 1;
    }
  }

  @WorkflowInterface
  public interface Greeting {
    @WorkflowMethod
    String run(String name);

    @SignalMethod
    void name(String name);

    @QueryMethod
    String currentName();
  }

  /** Waits for a name; its next run goes through one of everything. */
  public static class GreetingImpl implements Greeting {
    private String name = "";

    @Override
    public String run(String given) {
      if (given.isEmpty()) {
        Workflow.await(() -> !name.isEmpty());
        Workflow.continueAsNew(name);
      }
      name = given;
      Duration limit = Duration.ofSeconds(10);
      RetryOptions retry =
          RetryOptions.newBuilder().setInitialInterval(Duration.ofMillis(10)).build();
      Activities remote =
          Workflow.newActivityStub(
              Activities.class,
              ActivityOptions.newBuilder()
                  .setStartToCloseTimeout(limit)
                  .setRetryOptions(retry)
                  .build());
      Activities local =
          Workflow.newLocalActivityStub(
              Activities.class,
              LocalActivityOptions.newBuilder().setStartToCloseTimeout(limit).build());
      int grown = Workflow.newChildWorkflowStub(Child.class).grow(local.twice(20));
      Workflow.sleep(Duration.ofMillis(20));
      return remote.greet(name) + " " + grown;
    }

    @Override
    public void name(String given) {
      name = given;
    }

    @Override
    public String currentName() {
      return name;
    }
  }

  @WorkflowInterface
  public interface Patient {
    @WorkflowMethod
    void run();
  }

  public static class PatientImpl implements Patient {
    @Override
    public void run() {
      Workflow.sleep(Duration.ofHours(1));
    }
  }

  private static void require(boolean holds, String claim) {
    if (!holds) {
      System.err.println("NOT VERIFIED: " + claim);
      System.exit(1);
    }
  }

  public static void main(String[] args) {
    WorkflowServiceStubs service =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder().setTarget(args[0]).build());
    WorkflowClient client = WorkflowClient.newInstance(service);
    String queue = "java-" + UUID.randomUUID();
    WorkerFactory factory = WorkerFactory.newInstance(client);
    Worker worker = factory.newWorker(queue);
    worker.registerWorkflowImplementationTypes(
        GreetingImpl.class, ChildImpl.class, PatientImpl.class);
    worker.registerActivitiesImplementations(new ActivitiesImpl());
    factory.start();

    Greeting greeting = client.newWorkflowStub(Greeting.class, options(queue, "hello"));
    WorkflowClient.start(greeting::run, "");
    greeting.name("Java");
    String text = WorkflowStub.fromTyped(greeting).getResult(String.class);
    require(text.equals("Hello, Java! 41"), "the result is " + text);
    String workflowId = queue + "-hello";
    String name = client.newWorkflowStub(Greeting.class, workflowId).currentName();
    require(name.equals("Java"), "the query of the closed workflow answers " + name);

    Patient patient = client.newWorkflowStub(Patient.class, options(queue, "patient"));
    WorkflowClient.start(patient::run);
    WorkflowStub waiting = WorkflowStub.fromTyped(patient);
    waiting.cancel();
    try {
      waiting.getResult(Void.class);
      require(false, "the patient workflow was canceled");
    } catch (WorkflowFailedException error) {
      require(error.getCause() instanceof CanceledFailure, "canceled, but " + error.getCause());
    }
    System.out.println("VERIFIED: the Java SDK runs a workflow with one of everything");
    System.exit(0);
  }

  private static WorkflowOptions options(String queue, String name) {
    return WorkflowOptions.newBuilder()
        .setTaskQueue(queue)
        .setWorkflowId(queue + "-" + name)
        .build();
  }
}
