//! The words of the board's own tools: settings, keys, undo and the like.

use serde::Deserialize;

/// The words of the board's own tools.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Desk {
    pub(crate) stage: String,
    pub(crate) snoozed: String,
    pub(crate) snoozed_mine: String,
    pub(crate) snoozed_none: String,
    pub(crate) select: String,
    pub(crate) cancel: String,
    pub(crate) push: String,
    pub(crate) refused: String,
    pub(crate) possible: String,
    pub(crate) waits: String,
    pub(crate) do_it: String,
    pub(crate) check: String,
    pub(crate) selected: String,
    pub(crate) select_all: String,
    pub(crate) select_none: String,
    pub(crate) next_only: String,
    pub(crate) views: String,
    pub(crate) view_all: String,
    pub(crate) views_change: String,
    pub(crate) view_name: String,
    pub(crate) view_owner: String,
    pub(crate) view_save: String,
    pub(crate) view_remove: String,
    pub(crate) looking: String,
    /// Beside a field whose text is no draft.
    pub(crate) not_kept: String,
    pub(crate) after: String,
    pub(crate) after_stay: String,
    pub(crate) after_next: String,
    pub(crate) after_list: String,
    pub(crate) undo: String,
    pub(crate) undo_late: String,
    pub(crate) dismiss: String,
    pub(crate) settings: String,
    pub(crate) more_filters: String,
    pub(crate) settings_where: String,
    pub(crate) sound: String,
    pub(crate) sound_when: String,
    pub(crate) sound_test: String,
    pub(crate) sound_blocked: String,
    pub(crate) volume: String,
    pub(crate) repeat: String,
    pub(crate) repeat_never: String,
    pub(crate) repeat_30_s: String,
    pub(crate) repeat_1_min: String,
    pub(crate) repeat_5_min: String,
    pub(crate) times: String,
    pub(crate) zone: String,
    pub(crate) no_zone: String,
    /// After a time of the caller's clock.
    pub(crate) there: String,
    /// Before how long a follow-up is open.
    pub(crate) open_for: String,
    snooze_1_h: String,
    snooze_4_h: String,
    snooze_1_d: String,
    snooze_3_d: String,
    snooze_1_w: String,
    pub(crate) quiet_from: String,
    pub(crate) quiet_to: String,
    pub(crate) notices: String,
    pub(crate) notices_ask: String,
    pub(crate) notices_allow: String,
    pub(crate) notices_on: String,
    pub(crate) notices_denied: String,
    pub(crate) notices_insecure: String,
    pub(crate) keys: String,
    pub(crate) keys_on: String,
    pub(crate) key_taken: String,
    pub(crate) key_open: String,
    pub(crate) key_close: String,
    key_down: String,
    key_up: String,
    key_claim: String,
    key_note: String,
    key_snooze: String,
    key_seen: String,
    key_undo: String,
    key_next: String,
    key_after: String,
    key_find: String,
    key_pick: String,
    key_help: String,
}

impl Desk {
    /// For how many hours a selection can be snoozed.
    pub(crate) fn snooze_for(&self) -> [(u32, &str); 5] {
        [
            (1, &self.snooze_1_h),
            (4, &self.snooze_4_h),
            (24, &self.snooze_1_d),
            (72, &self.snooze_3_d),
            (168, &self.snooze_1_w),
        ]
    }

    /// The actions of the keyboard: the name in the scripts, the key, and what it does.
    pub(crate) fn keys(&self) -> [(&'static str, &'static str, &str); 12] {
        [
            ("down", "j", &self.key_down),
            ("up", "k", &self.key_up),
            ("claim", "c", &self.key_claim),
            ("note", "n", &self.key_note),
            ("snooze", "s", &self.key_snooze),
            ("seen", "v", &self.key_seen),
            ("undo", "u", &self.key_undo),
            ("next", "g", &self.key_next),
            ("after", "a", &self.key_after),
            ("find", "f", &self.key_find),
            ("pick", "x", &self.key_pick),
            ("help", "?", &self.key_help),
        ]
    }
}
