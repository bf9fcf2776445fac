//! How an instance is now, in the sentences and facts of a refusal. The person was looking at
//! something else.

use std::collections::HashMap;

use aftercall_engine::instance::{Happening, Instance};
use aftercall_engine::query::buttons;

use crate::service::say::convert;
use crate::service::view::Names;

/// Why Call Managers do not see it.
pub(crate) fn hidden_because(names: &Names, instance: &Instance) -> String {
    match names.call_of(instance) {
        _ if instance.status.is_ended() => format!("the follow-up is {}", instance.status.word()),
        Some(call) if !call.chargeable => {
            "Call Managers do not see it: its call is not chargeable".to_owned()
        }
        _ => "Call Managers do not see it: it waits for its call to end".to_owned(),
    }
}

/// Where it is now.
pub(crate) fn current_place(names: &Names, instance: &Instance) -> String {
    match convert::stage_of(names, instance, instance.stage) {
        Some(stage) => format!(
            "it is in stage {} \"{}\", visit {}",
            stage.number,
            stage.title,
            instance.visit()
        ),
        None => format!("it is {}", instance.status.word()),
    }
}

/// Who holds it, and until when.
pub(crate) fn held(names: &Names, instance: &Instance) -> String {
    instance.claim.as_ref().map_or_else(
        || "nobody holds it now".to_owned(),
        |claim| {
            format!(
                "{} holds it until {}",
                claim.by,
                names.wall_clock_of(instance).show_seconds(claim.until)
            )
        },
    )
}

/// The state of an instance, for the client to show.
pub(crate) fn facts(names: &Names, instance: &Instance) -> HashMap<String, String> {
    let stage = convert::stage_of(names, instance, instance.stage);
    let claim = instance.claim.iter().flat_map(|claim| {
        let until = convert::timestamp(claim.until).to_string();
        [
            ("held_by".to_owned(), claim.by.to_string()),
            ("held_until".to_owned(), until),
        ]
    });
    let state = [
        ("instance_id".to_owned(), instance.id.to_string()),
        (
            "status".to_owned(),
            convert::status(instance.status).as_str_name().to_owned(),
        ),
        ("stage".to_owned(), instance.stage.to_string()),
        (
            "stage_title".to_owned(),
            stage.map_or_else(String::new, |stage| stage.title),
        ),
        ("visit".to_owned(), instance.visit().to_string()),
        ("revision".to_owned(), instance.revision.to_string()),
    ];
    let pause = instance.pause.iter().flat_map(|pause| {
        let until = pause
            .until
            .map_or_else(String::new, |until| convert::timestamp(until).to_string());
        [
            ("paused_by".to_owned(), pause.by.to_string()),
            (
                "paused_since".to_owned(),
                convert::timestamp(pause.since).to_string(),
            ),
            ("paused_until".to_owned(), until),
            ("pause_reason".to_owned(), pause.reason.to_string()),
        ]
    });
    state.into_iter().chain(claim).chain(pause).collect()
}

/// The ids of the buttons that may be pushed now.
pub(crate) fn offered_buttons(names: &Names, instance: &Instance) -> Vec<String> {
    let definition = names.definition_of(instance);
    definition.map_or_else(Vec::new, |one| {
        buttons(one, instance)
            .map(|button| button.event.clone())
            .collect()
    })
}

/// That it is paused, by whom and until when, and what ends the pause.
pub(crate) fn paused(names: &Names, instance: &Instance, happening: Happening) -> String {
    let Some(pause) = &instance.pause else {
        return "the follow-up is paused".to_owned();
    };
    let clock = names.wall_clock_of(instance);
    let since = clock.show_seconds(pause.since);
    let end = match pause.until {
        Some(until) => format!("until {}", clock.show_seconds(until)),
        None => "until somebody resumes it".to_owned(),
    };
    let already = if happening == Happening::Pause {
        " already"
    } else {
        ""
    };
    let way = if happening == Happening::Pause {
        ""
    } else {
        ": resume it first (ResumeFollowUp)"
    };
    format!(
        "the follow-up is paused{already}, by {} since {since}, {end}; the reason: {}{way}",
        pause.by, pause.reason
    )
}
