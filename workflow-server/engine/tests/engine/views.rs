//! Saved views: who owns them, their limits, and what removes them.

use aftercall_engine::Rejection;
use aftercall_engine::call::{CallKey, Caller};
use aftercall_engine::command::{
    CallChanges, Command, EraseCaller, RemoveTeam, RemoveView, SaveView, StepErasure, UpdateCall,
};
use aftercall_engine::entry::Answer;
use aftercall_engine::limits::VIEWS_PER_OWNER_MAX;
use aftercall_engine::mask::for_history;
use aftercall_engine::phone::Country;
use aftercall_engine::query::calls_in_memory;
use aftercall_engine::rejection::Limit;
use aftercall_engine::saved_view::{SavedView, ViewFilter};
use aftercall_engine::world::caller_index::CallerKey;

use crate::desk::Desk;

const WORKFLOW: &str = "
format: 1
workflow: repair
title: Repair
on_new_call:
  - alert: { text: Repair it, team: care }
  - button: Done
    then: [ finish: done ]
";

fn saving(team: Option<&str>, name: &str, text: &str) -> Command {
    Command::from(SaveView {
        team: team.map(Into::into),
        name: name.into(),
        filter: ViewFilter {
            text: text.into(),
            ..ViewFilter::default()
        },
        expected: None,
    })
}

fn removing(team: Option<&str>, name: &str) -> Command {
    Command::from(RemoveView {
        team: team.map(Into::into),
        name: name.into(),
        expected: None,
    })
}

impl Desk {
    /// The names of a person's views.
    fn views_of(&self, who: &str) -> Vec<&str> {
        let (name, subject) = who.split_once('#').unwrap_or((who, ""));
        let subject = (!subject.is_empty()).then(|| subject.into());
        let views = self.world.root().views.of_person(name, &subject);
        views.into_iter().map(|view| &*view.name).collect()
    }

    fn all_views(&self) -> Vec<&SavedView> {
        let views = self.world.root().views.by_id();
        views.map(|view| &**view).collect()
    }
}

#[test]
fn a_view_belongs_to_its_owner() {
    let mut desk = Desk::new(WORKFLOW);
    for who in ["Ann", "Ben", "Ann#a-1"] {
        desk.ask(who, saving(None, "Late", "x")).unwrap();
    }
    desk.ask("Sue", saving(Some("care"), "Late", "x")).unwrap();
    assert_eq!(desk.views_of("Ben"), ["Late"]);
    assert_eq!(desk.views_of("Cid"), [""; 0]);
    // Ann has proved who she is: the view that her name saved is now hers.
    assert_eq!(desk.all_views().len(), 3);
    assert_eq!(desk.views_of("Ann Marie#a-1"), ["Late"]);
    assert_eq!(desk.views_of("Ann#other"), [""; 0]);
    assert_eq!(
        desk.ask("Cid", removing(None, "Late")),
        Err(Rejection::NoSuchView("Late".into()))
    );
    desk.ask("Ann Marie#a-1", removing(None, "Late")).unwrap();
    assert_eq!(desk.all_views().len(), 2, "the others are not touched");
}

#[test]
fn a_repeated_save_changes_nothing() {
    let mut desk = Desk::new(WORKFLOW);
    let first = desk.ask("Ann", saving(None, "Late", "x"));
    assert_eq!(first, Ok(Answer::Revision(1)));
    let (entry, answer) = desk.entry("Ann", saving(None, "Late", "x")).unwrap();
    assert_eq!((entry, answer), (None, Answer::Revision(1)));
    let changed = desk.ask("Ann", saving(None, "Late", "y"));
    assert_eq!(changed, Ok(Answer::Revision(2)));
    let stale = Command::from(SaveView {
        team: None,
        name: "Late".into(),
        filter: ViewFilter::default(),
        expected: Some(1),
    });
    assert_eq!(
        desk.ask("Ann", stale),
        Err(Rejection::OtherRevision { present: 2 })
    );
}

#[test]
fn an_owner_has_so_many_views() {
    let mut desk = Desk::new(WORKFLOW);
    for number in 0..VIEWS_PER_OWNER_MAX {
        desk.ask("Ann", saving(None, &number.to_string(), "x"))
            .unwrap();
    }
    let full = desk.ask("Ann", saving(None, "more", "x"));
    assert!(matches!(
        full,
        Err(Rejection::Limit {
            limit: Limit::ViewsPerOwner,
            max: 50
        })
    ));
    desk.ask("Ann", saving(None, "7", "changed")).unwrap();
    desk.ask("Ben", saving(None, "more", "x")).unwrap();
    for (name, text) in [
        ("", "x"),
        ("two\nlines", "x"),
        (&*"n".repeat(65), "x"),
        ("n", &"t".repeat(129)),
    ] {
        let refused = desk.ask("Ben", saving(None, name, text));
        assert!(matches!(refused, Err(Rejection::Invalid(_))), "{name}");
    }
}

#[test]
fn a_removed_team_has_no_views() {
    let mut desk = Desk::new(WORKFLOW);
    desk.ask("Sue", saving(Some("leads"), "Late", "x")).unwrap();
    desk.ask("Sue", saving(Some("care"), "Late", "x")).unwrap();
    assert_eq!(
        desk.ask("Sue", saving(Some("nobody"), "Late", "x")),
        Err(Rejection::NoSuchTeam("nobody".into()))
    );
    let remove = RemoveTeam {
        name: "leads".into(),
        expected: None,
        found: None,
    };
    desk.ask("author", Command::from(remove)).unwrap();
    assert_eq!(desk.all_views().len(), 1);
}

/// Erases the caller of a call, whose name is Ada King.
fn erase(desk: &mut Desk) {
    let ada = Caller {
        name: "Ada King".into(),
        reference: "C-7".into(),
        phone: "+44 20 7946 0001".into(),
        ..Caller::default()
    };
    desk.set("1", true);
    let key = CallKey {
        source: "scripts".into(),
        id: "1".into(),
    };
    let update = UpdateCall {
        call: key,
        changes: CallChanges {
            caller: Some(ada.clone()),
            ..CallChanges::default()
        },
        expected: None,
    };
    desk.ask("script", Command::from(update)).unwrap();
    let root = desk.world.root();
    let caller = CallerKey::new(&ada, Country::NONE).unwrap();
    let erase = EraseCaller {
        customer: "".into(),
        reason: "by letter".into(),
        calls: calls_in_memory(root, &caller, ""),
        look: None,
        newest_file: 0,
        is_of_restore: false,
    };
    desk.ask("ops", Command::from(erase)).unwrap();
    let erasure = desk.world.root().sequence;
    desk.ask("ops", Command::from(StepErasure { erasure }))
        .unwrap();
}

#[test]
fn an_erasure_removes_views_that_name_the_caller() {
    let mut desk = Desk::new(WORKFLOW);
    let views = [
        ("1 by name", "ADA KING", true),
        ("2 by word", "king", true),
        ("3 by number", "+442079460001", true),
        ("4 by reference", "see c-7", true),
        ("5 of Ada King", "", true),
        ("6 by other words", "kingdom refund", false),
        ("7 by one of several", "king refund", false),
        ("8", "", false),
    ];
    for (name, text, _) in views {
        desk.ask("Ann", saving(None, name, text)).unwrap();
    }
    erase(&mut desk);
    let left = views.iter().filter(|(.., is_gone)| !is_gone);
    let left: Vec<&str> = left.map(|(name, ..)| *name).collect();
    assert_eq!(desk.views_of("Ann"), left);
}

#[test]
fn the_history_has_no_text_of_a_view() {
    let mut desk = Desk::new(WORKFLOW);
    let (entry, _) = desk.entry("Ann", saving(None, "Xanthippe", "her")).unwrap();
    let entry = std::sync::Arc::new(entry.unwrap());
    assert!(format!("{entry:?}").contains("Xanthippe"));
    let kept = for_history(entry.clone());
    assert!(!format!("{kept:?}").contains("Xanthippe") && kept.answer == entry.answer);
}
