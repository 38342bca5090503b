"""The deadlines of a run cost no more than the run has timers and activities."""

from indelible.engine.workflow.timer_sequence import TimerSequence
from tests.engine.workflow.run import Run
from tests.engine.workflow.transcript import COMMANDS, Script


def _hints(run: Run) -> int:
    return len(run.timers._heap)


def test_heartbeats_leave_no_hints_behind() -> None:
    script = Script()
    script.play("0 begin")
    script.play("0 complete", "* schedule a stc=1000", "* schedule b stc=1000 hb=5")
    script.play("0 poll a")
    script.play("0 poll b")
    for second in range(100):
        script.play(f"{second} beat a")
        script.play(f"{second} beat b")
    # One of each activity, and the one before of the activity whose deadline moves.
    assert _hints(script.run) <= 4


def test_canceled_timers_leave_no_hints_behind_once_they_would_have_been_next() -> None:
    run = Run()
    run.start()
    run.start_task()
    timer, cancel = COMMANDS["timer"], COMMANDS["cancel-timer"]
    commands = [timer({"0": "last", "1": "100"})]
    for number in range(50):
        name = f"t{number}"
        commands += [timer({"0": name, "1": str(number)}), cancel({"0": name})]
    run.complete_task(commands)
    assert _hints(run) == 1


def test_a_deadline_that_comes_back_is_noted_again() -> None:
    script = Script()
    script.play("0 begin")
    script.play("0 complete", "* schedule a stc=20 hb=5 s2s=20 attempts=2 initial=1")
    assert script.play("0 wake") == ["= ACTIVITY 5 at 20"]
    script.play("15 poll a")
    assert script.play("15 wake") == ["= ACTIVITY 5 at 20"]
    script.play("16 beat a")
    assert script.play("16 wake") == ["= ACTIVITY 5 at 21"]


def test_a_loaded_run_has_the_same_deadlines() -> None:
    script = Script()
    script.play("0 begin run=60")
    script.play("0 complete", "* schedule a stc=20", "* timer t 7", "* schedule b s2c=9")
    script.play("1 poll a")
    state = script.run.state
    loaded = TimerSequence(state)
    assert loaded.earliest(state) == script.run.timers.earliest(state)
