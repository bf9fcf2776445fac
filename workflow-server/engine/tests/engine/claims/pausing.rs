//! Tests claims that end during a pause.

use aftercall_engine::command::{Command, PauseInstance, ResumeInstance};
use aftercall_engine::entry::ChangeKind;

use super::WORKFLOW;
use crate::desk::{Desk, MINUTE};

#[test]
fn a_timer_fires_on_resume_after_its_claim_lapsed() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    desk.claim("Ann", id).unwrap();
    desk.push("Ann", id, "patience").unwrap();
    assert_eq!(desk.pass(11 * MINUTE), [], "it is due, but claimed");
    let pause = PauseInstance {
        instance: id,
        until: None,
        reason: "ill".into(),
        expected: None,
    };
    desk.ask("Ann", Command::from(pause)).unwrap();
    let paused_at = desk.now;
    assert_eq!(desk.pass(10 * MINUTE), [ChangeKind::ClaimLapsed]);
    assert_eq!(desk.instance(id).timers[0].due, paused_at);
    let resume = ResumeInstance {
        instance: id,
        note: "".into(),
        expected: None,
    };
    desk.ask("Ben", Command::from(resume)).unwrap();
    assert_eq!(desk.pass(0), [ChangeKind::TimerElapsed]);
}
