// Command hello runs a workflow with the official Go SDK against the server at os.Args[1]: a retried
// activity, a local activity, a signal, a query, a child, continue-as-new and a cancellation.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

func greet(ctx context.Context, name string) (string, error) {
	if activity.GetInfo(ctx).Attempt < 2 {
		return "", errors.New("the first attempt fails")
	}
	return "Hello, " + name + "!", nil
}

func double(_ context.Context, number int) (int, error) { return 2 * number, nil }

func child(_ workflow.Context, number int) (int, error) { return number + 1, nil }

// greeting waits for a name; its next run goes through one of everything.
func greeting(ctx workflow.Context, name string) (string, error) {
	if err := workflow.SetQueryHandler(ctx, "name", func() (string, error) { return name, nil }); err != nil {
		return "", err
	}
	if name == "" {
		workflow.GetSignalChannel(ctx, "name").Receive(ctx, &name)
		return "", workflow.NewContinueAsNewError(ctx, greeting, name)
	}

	options := workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 10 * time.Millisecond},
	}
	local := workflow.LocalActivityOptions{StartToCloseTimeout: 10 * time.Second}
	var doubled, grown int
	if err := workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, local), double, 20).Get(ctx, &doubled); err != nil {
		return "", err
	}
	if err := workflow.ExecuteChildWorkflow(ctx, child, doubled).Get(ctx, &grown); err != nil {
		return "", err
	}
	if err := workflow.Sleep(ctx, 20*time.Millisecond); err != nil {
		return "", err
	}
	var text string
	if err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), greet, name).Get(ctx, &text); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %d", text, grown), nil
}

func patient(ctx workflow.Context) error { return workflow.Sleep(ctx, time.Hour) }

func require(holds bool, claim string) {
	if !holds {
		log.Fatalln("NOT VERIFIED:", claim)
	}
}

func must(err error, act string) {
	if err != nil {
		log.Fatalln("NOT VERIFIED:", act, err)
	}
}

func main() {
	ctx, stop := context.WithTimeout(context.Background(), 40*time.Second)
	defer stop()
	connection, err := client.Dial(client.Options{HostPort: os.Args[1]})
	must(err, "connect")
	defer connection.Close()

	suffix := fmt.Sprint(time.Now().UnixNano())
	queue := "go-" + suffix
	work := worker.New(connection, queue, worker.Options{})
	work.RegisterWorkflow(greeting)
	work.RegisterWorkflow(child)
	work.RegisterWorkflow(patient)
	work.RegisterActivity(greet)
	work.RegisterActivity(double)
	must(work.Start(), "start the worker")
	defer work.Stop()

	run, err := connection.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "go-hello-" + suffix, TaskQueue: queue}, greeting, "")
	must(err, "start")
	must(connection.SignalWorkflow(ctx, run.GetID(), "", "name", "Go"), "signal")
	var text string
	must(run.Get(ctx, &text), "result")
	require(text == "Hello, Go! 41", "the result is "+text)
	answer, err := connection.QueryWorkflow(ctx, run.GetID(), "", "name")
	must(err, "query")
	var name string
	must(answer.Get(&name), "read the answer")
	require(name == "Go", "the query of the closed workflow answers "+name)

	waiting, err := connection.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "go-patient-" + suffix, TaskQueue: queue}, patient)
	must(err, "start the patient one")
	must(connection.CancelWorkflow(ctx, waiting.GetID(), ""), "cancel")
	var canceled *temporal.CanceledError
	require(errors.As(waiting.Get(ctx, nil), &canceled), "the patient workflow was canceled")

	fmt.Println("VERIFIED: the Go SDK runs a workflow with one of everything")
}
