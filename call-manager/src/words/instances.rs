//! The words of the pages of operators.

use std::collections::BTreeMap;

use aftercall_proto::workflow::v1::{
    BatchItemState, BatchState, ErasureState, ReportBy, ServerRole, Status, StuckReason, WakeKind,
};
use serde::Deserialize;

/// The words of the pages of operators.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InstancesWords {
    pub(crate) title: String,
    pub(crate) instance: String,
    pub(crate) version: String,
    pub(crate) stage: String,
    pub(crate) status_name: String,
    pub(crate) all_open: String,
    pub(crate) older: String,
    pub(crate) hidden: String,
    pub(crate) from_archive: String,
    pub(crate) of_caller: String,
    pub(crate) all_of_caller: String,
    pub(crate) find: String,
    pub(crate) matching: String,
    pub(crate) in_archive: String,
    pub(crate) none: String,
    pub(crate) choose: String,
    pub(crate) due: String,
    pub(crate) change_chosen: String,
    pub(crate) change_all: String,
    pub(crate) next_page: String,
    pub(crate) stuck: String,
    pub(crate) batches: String,
    pub(crate) erasures: String,
    pub(crate) server: String,
    pub(crate) report: String,
    pub(crate) longer: String,
    pub(crate) none_stuck: String,
    pub(crate) oldest: String,
    pub(crate) why: String,
    pub(crate) what: String,
    pub(crate) overdue_timers: String,
    pub(crate) no_timers: String,
    pub(crate) clock_held: String,
    pub(crate) on_board: String,
    pub(crate) explained: String,
    pub(crate) facts: String,
    pub(crate) path: String,
    pub(crate) path_of: String,
    pub(crate) alert: String,
    pub(crate) timer: String,
    pub(crate) leads_to: String,
    pub(crate) changes: String,
    pub(crate) to_stage: String,
    pub(crate) to_version: String,
    pub(crate) mapping: String,
    pub(crate) mapping_hint: String,
    pub(crate) preview: String,
    pub(crate) change: String,
    pub(crate) dry_run: String,
    pub(crate) would_be_done: String,
    pub(crate) would_be_refused: String,
    pub(crate) nothing_yet: String,
    pub(crate) would_be: String,
    pub(crate) more_rows: String,
    pub(crate) otherwise: String,
    pub(crate) meant: String,
    pub(crate) work_name: String,
    pub(crate) details: String,
    pub(crate) to_team: String,
    pub(crate) per_second: String,
    pub(crate) changed_meanwhile: String,
    pub(crate) no_batches: String,
    pub(crate) batch: String,
    pub(crate) state: String,
    pub(crate) results: String,
    pub(crate) result: String,
    pub(crate) by: String,
    pub(crate) done: String,
    pub(crate) refused: String,
    pub(crate) of: String,
    pub(crate) progress: String,
    pub(crate) matched_more: String,
    pub(crate) look_again: String,
    pub(crate) all_items: String,
    pub(crate) refused_items: String,
    pub(crate) stop: String,
    pub(crate) erase_question: String,
    pub(crate) calls: String,
    pub(crate) still_open: String,
    pub(crate) still_open_hint: String,
    pub(crate) possible: String,
    pub(crate) erase_means: String,
    pub(crate) type_again: String,
    pub(crate) erase: String,
    pub(crate) typed_otherwise: String,
    pub(crate) erase_caller: String,
    pub(crate) known_by: String,
    pub(crate) only_customer: String,
    pub(crate) reason_without_name: String,
    pub(crate) look: String,
    pub(crate) erasures_so_far: String,
    pub(crate) no_erasures: String,
    pub(crate) erasure: String,
    pub(crate) ended: String,
    pub(crate) more_calls: String,
    pub(crate) all_well: String,
    pub(crate) not_ready: String,
    pub(crate) what_to_do: String,
    pub(crate) journal: String,
    pub(crate) sequence: String,
    pub(crate) feed_from: String,
    pub(crate) epoch: String,
    pub(crate) cluster: String,
    pub(crate) leader: String,
    pub(crate) no_leader: String,
    pub(crate) leads_since: String,
    pub(crate) term: String,
    pub(crate) members: String,
    pub(crate) member: String,
    pub(crate) address: String,
    pub(crate) entries_behind: String,
    pub(crate) reported_ago: String,
    pub(crate) disk: String,
    pub(crate) clock: String,
    pub(crate) open: String,
    pub(crate) timers: String,
    pub(crate) memory: String,
    pub(crate) read_in: String,
    pub(crate) purge_confirmed: String,
    pub(crate) clock_question: String,
    pub(crate) accept_clock: String,
    pub(crate) sure: String,
    pub(crate) purge_question: String,
    pub(crate) confirm_purge: String,
    pub(crate) from_day: String,
    pub(crate) until_day: String,
    pub(crate) days_in_utc: String,
    pub(crate) name: String,
    pub(crate) all: String,
    pub(crate) started: String,
    pub(crate) finished: String,
    pub(crate) cancelled: String,
    pub(crate) stays: String,
    pub(crate) half_within: String,
    pub(crate) nine_in_ten: String,
    pub(crate) promises_kept: String,
    pub(crate) outcomes: String,
    pub(crate) count: String,
    /// What can be done with instances, by its name in forms.
    works: BTreeMap<String, String>,
    /// What to do about a condition of the server, by its name.
    remedies: BTreeMap<String, String>,
    /// Values of enums, by their names in the `.proto` files.
    kinds: BTreeMap<String, String>,
}

impl InstancesWords {
    pub(crate) fn work(&self, name: &str) -> &str {
        self.works.get(name).map_or("", String::as_str)
    }

    /// What to do about a condition; empty for one that this page does not know.
    pub(crate) fn remedy(&self, condition: &str) -> &str {
        self.remedies.get(condition).map_or("", String::as_str)
    }

    /// What a value of an enum is called; empty for one that the page does not know.
    fn kind(&self, name: &str) -> &str {
        self.kinds.get(name).map_or("", String::as_str)
    }

    pub(crate) fn status(&self, status: Status) -> &str {
        self.kind(status.as_str_name())
    }

    pub(crate) fn stuck_reason(&self, reason: StuckReason) -> &str {
        self.kind(reason.as_str_name())
    }

    pub(crate) fn wake(&self, kind: WakeKind) -> &str {
        self.kind(kind.as_str_name())
    }

    pub(crate) fn batch_state(&self, state: BatchState) -> &str {
        self.kind(state.as_str_name())
    }

    pub(crate) fn item_state(&self, state: BatchItemState) -> &str {
        self.kind(state.as_str_name())
    }

    pub(crate) fn erasure_state(&self, state: ErasureState) -> &str {
        self.kind(state.as_str_name())
    }

    pub(crate) fn role(&self, role: ServerRole) -> &str {
        self.kind(role.as_str_name())
    }

    pub(crate) fn report_by(&self, by: ReportBy) -> &str {
        self.kind(by.as_str_name())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::ACCEPT_LANGUAGE;
    use axum::http::{HeaderMap, HeaderValue};

    use super::*;
    use crate::words::words;

    #[test]
    fn every_value_of_an_enum_has_a_word() {
        for language in ["en", "de"] {
            let language = HeaderValue::from_static(language);
            let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, language)]);
            let words = &words(&headers).instances;
            // Numbers that no enum has are left out.
            let numbers = || 1..100;
            let named = numbers()
                .filter_map(|number| Status::try_from(number).ok())
                .map(|one| (one.as_str_name(), words.status(one)))
                .chain(
                    numbers()
                        .filter_map(|number| StuckReason::try_from(number).ok())
                        .map(|one| (one.as_str_name(), words.stuck_reason(one))),
                )
                .chain(
                    numbers()
                        .filter_map(|number| WakeKind::try_from(number).ok())
                        .map(|one| (one.as_str_name(), words.wake(one))),
                )
                .chain(
                    numbers()
                        .filter_map(|number| ServerRole::try_from(number).ok())
                        .map(|one| (one.as_str_name(), words.role(one))),
                );
            for (name, word) in named {
                assert!(!word.is_empty(), "{name} in {}", words.title);
            }
        }
    }
}
