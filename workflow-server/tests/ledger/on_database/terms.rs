//! A leader and two followers. Terms end within any write, and after lost answers.

use std::collections::BTreeMap;

use aftercall_engine::actor::ActorKind;
use aftercall_engine::command::{AddNote, Command};
use workflow_server::journal::Storage as _;
use workflow_server::ledger::{LedgerError, Outcome};

use super::node::{Following, Lost, Node, unavailable};
use super::place::Place;
use super::worlds;
use crate::follow_ups::{call_key, imports, setting};
use crate::support::{request, team};

/// The call whose follow-up gets notes.
const CALL: &str = "1";

struct Scene {
    place: Place<'static>,
    leader: Node,
    followers: Vec<Following>,
    /// Whether commands have a request mark, which prevents a second execution.
    has_marks: bool,
    commands: Vec<Command>,
    /// The sequence of each command.
    acknowledged: BTreeMap<u64, u64>,
    changes: u64,
}

impl Scene {
    async fn new() -> Self {
        let place = Place::new().await;
        let leader = Node::begin(&place).await;
        let followers = vec![
            Following::begin(&place).await,
            Following::begin(&place).await,
        ];
        let mut scene = Self {
            place,
            leader,
            followers,
            has_marks: true,
            commands: Vec::new(),
            acknowledged: BTreeMap::new(),
            changes: 0,
        };
        for command in imports("") {
            scene.insist(command).await;
        }
        scene.insist(setting(CALL, "C-1", "a reason")).await;
        scene
    }

    /// Lets a follower lead, and adds a new one. Returns the member that has led.
    async fn change_leader(&mut self) -> Node {
        self.changes += 1;
        let next = self.followers.remove(0).lead().await;
        self.followers.push(Following::begin(&self.place).await);
        std::mem::replace(&mut self.leader, next)
    }

    /// Carries out a command under any leader. Repeats it if the leader was deposed.
    async fn insist(&mut self, command: Command) -> u64 {
        self.commands.push(command.clone());
        let mark = self.commands.len() as u64;
        loop {
            let request = request(command.clone(), self.has_marks.then_some(mark));
            match self.leader.handle.execute(request).await {
                Err(LedgerError::Unavailable(_)) => {
                    let deposed = self.change_leader().await;
                    let request = crate::support::request(team("by-the-deposed"), None);
                    unavailable(deposed.handle.execute(request).await);
                    deposed.stop().await;
                }
                answer => return self.note(mark, answer),
            }
        }
    }

    fn note(&mut self, mark: u64, answer: Result<Outcome, LedgerError>) -> u64 {
        let sequence = match answer.unwrap() {
            Outcome::Committed(entry) => entry.sequence,
            Outcome::Repeated { sequence } => sequence,
            Outcome::Unchanged(answer) => panic!("{mark} changed nothing: {answer:?}"),
        };
        let is_new = !self.acknowledged.values().any(|known| *known == sequence);
        assert!(is_new, "{sequence} was acknowledged twice");
        self.acknowledged.insert(mark, sequence);
        sequence
    }

    /// A note on the follow-up: a change, also if it is repeated.
    fn next_note(&self) -> Command {
        let root = self.leader.handle.root();
        let slot = root.call(&call_key(CALL)).unwrap().instances[0];
        let instance = root.instance_at(slot).unwrap().id;
        let text = format!("note {}", self.commands.len()).into();
        Command::from(AddNote { instance, text })
    }

    /// Adds a note whose answer is lost, and lets the next leader repeat it.
    async fn lose_answer(&mut self) {
        // The connection is there, and its statement is prepared.
        let note = self.next_note();
        self.insist(note).await;
        let note = self.next_note();
        let mark = self.commands.len() as u64 + 1;
        let request = request(note.clone(), self.has_marks.then_some(mark));
        let asked = self.leader.lose(&self.place, Lost::After, request).await;
        let deposed = self.change_leader().await;
        deposed.cut_off();
        deposed.stop().await;
        unavailable(asked.await.unwrap());
        self.insist(note).await;
    }

    /// The entries of the script that no acknowledged command has made.
    async fn doubled(&self) -> Vec<u64> {
        let handle = &self.leader.handle;
        let mut doubled = Vec::new();
        for sequence in 1..=handle.root().sequence {
            let entry = handle.history().entry(sequence).await.unwrap();
            let is_acknowledged = self.acknowledged.values().any(|known| *known == sequence);
            if entry.actor.kind == ActorKind::Author && !is_acknowledged {
                doubled.push(sequence);
            }
        }
        doubled
    }

    /// Repeats each command, and checks that the answer names its first entry.
    async fn check_each_is_once(&mut self) {
        for (mark, sequence) in &self.acknowledged {
            let command = self.commands[*mark as usize - 1].clone();
            let again = self
                .leader
                .handle
                .execute(request(command, Some(*mark)))
                .await;
            match again.unwrap() {
                Outcome::Repeated { sequence: found } => assert_eq!(found, *sequence),
                other => panic!("{mark} was lost: {other:?}"),
            }
        }
        // The control: a new command is not treated as a repetition.
        let newest = self.acknowledged.values().max().copied();
        assert!(Some(self.insist(team("fresh")).await) > newest);
    }

    /// Checks that leader, followers, a new process and the next leader have the same World, byte for
    /// byte.
    async fn check_members_agree(&mut self) {
        let followers = self.followers.iter().map(|one| one.published.as_ref());
        worlds::check_same(&self.place, &self.leader.handle, followers.collect()).await;
        let deposed = self.change_leader().await;
        deposed.stop().await;
        let followers = self.followers.iter().map(|one| one.published.as_ref());
        worlds::check_same(&self.place, &self.leader.handle, followers.collect()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_may_end_within_any_write() {
    let mut scene = Scene::new().await;
    for (round, writes) in [1, 2, 3, 5, 8, 13, 21].into_iter().enumerate() {
        scene.place.end_term_within(writes);
        let mut at = 0;
        // Snapshots and chunks of the history are written too, every 20 entries.
        while scene.place.is_term_left() {
            let command = match at % 2 {
                0 => team(&format!("team-{round}-{at}")),
                _ => scene.next_note(),
            };
            scene.insist(command).await;
            at += 1;
        }
        scene.insist(team(&format!("last-{round}"))).await;
    }
    scene.lose_answer().await;
    println!(
        "{} changes of the leader, {} commands, term {}",
        scene.changes,
        scene.commands.len(),
        scene.leader.store.newest_term().await.unwrap()
    );
    assert!(scene.changes >= 8, "{}", scene.changes);
    scene.check_each_is_once().await;
    assert_eq!(scene.doubled().await, Vec::<u64>::new());
    scene.check_members_agree().await;
    assert_eq!(scene.place.violations(), Vec::<String>::new());
}

/// The notes that exist twice after three answers are lost.
async fn doubled_notes(has_marks: bool) -> Vec<u64> {
    let mut scene = Scene::new().await;
    scene.has_marks = has_marks;
    for _ in 0..3 {
        scene.lose_answer().await;
    }
    assert_eq!(scene.place.violations(), Vec::<String>::new());
    scene.doubled().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_repeated_at_the_next_leader_runs_once() {
    assert_eq!(doubled_notes(true).await, Vec::<u64>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_request_marks_a_repeated_command_runs_twice() {
    assert_eq!(doubled_notes(false).await.len(), 3);
}

/// Each write reads the row of the leader. The control puts the row of an earlier leader back.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_fence_a_deposed_leader_writes() {
    for is_fenced in [true, false] {
        let place = Place::new().await;
        let node = Node::begin(&place).await;
        node.commit(team("before")).await;
        let row = place.sql("SELECT term, mark FROM aftercall.leadership");
        let (term, mark) = row.split_once('|').unwrap();
        let _next = Following::begin(&place).await.lead().await;
        if !is_fenced {
            place.sql(&format!(
                "ALTER TABLE aftercall.leadership DISABLE TRIGGER note_term;
                 UPDATE aftercall.leadership SET term = {term}, mark = {mark}"
            ));
        }
        let mut refused = 0;
        for name in ["one", "two"] {
            let answer = node.handle.execute(request(team(name), None)).await;
            refused += usize::from(answer.is_err());
        }
        let found = place.violations();
        assert_eq!(
            (refused, found.is_empty()),
            if is_fenced { (2, true) } else { (0, false) }
        );
    }
}
