//! The words of the page, in the languages that it speaks.

mod callers;
mod desk;
mod follow_up;
mod history;
pub(crate) mod instances;
mod sign_in;
mod team;
mod wallboard;
pub(crate) mod workflows;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use serde::Deserialize;

use self::callers::CallerWords;
use self::desk::Desk;
use self::follow_up::FollowUpWords;
use self::history::HistoryWords;
use self::instances::InstancesWords;
use self::sign_in::SignInWords;
use self::team::TeamWords;
use self::wallboard::{WallWords, WallboardWords};
use self::workflows::WorkflowsWords;

/// The words in one language. Each language has all of them: the file is read as a whole.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Words {
    pub(crate) code: String,
    pub(crate) board: String,
    pub(crate) team: String,
    pub(crate) customer: String,
    pub(crate) workflow: String,
    pub(crate) priority: String,
    pub(crate) search: String,
    pub(crate) mine: String,
    pub(crate) unclaimed: String,
    pub(crate) overdue: String,
    pub(crate) filter: String,
    pub(crate) clear: String,
    pub(crate) nothing: String,
    pub(crate) live: String,
    pub(crate) reconnecting: String,
    pub(crate) as_of: String,
    pub(crate) signed_out: String,
    pub(crate) order_changed: String,
    pub(crate) show: String,
    pub(crate) new: String,
    pub(crate) of: String,
    pub(crate) caller: String,
    pub(crate) holder: String,
    pub(crate) nobody: String,
    pub(crate) late: String,
    pub(crate) urgent: String,
    pub(crate) high: String,
    pub(crate) normal: String,
    pub(crate) low: String,
    pub(crate) phone: String,
    pub(crate) email: String,
    pub(crate) reference: String,
    pub(crate) call: String,
    pub(crate) agent: String,
    pub(crate) started: String,
    pub(crate) attempts: String,
    pub(crate) asked_again: String,
    pub(crate) seen_by: String,
    pub(crate) seen: String,
    pub(crate) claim: String,
    pub(crate) claim_next: String,
    pub(crate) extend: String,
    pub(crate) release: String,
    pub(crate) take_over: String,
    pub(crate) hand_over: String,
    pub(crate) to_person: String,
    pub(crate) snooze: String,
    pub(crate) wake: String,
    pub(crate) snoozed_until: String,
    pub(crate) pause: String,
    pub(crate) paused_by: String,
    pub(crate) resume: String,
    pub(crate) reason: String,
    pub(crate) undo: String,
    pub(crate) note: String,
    pub(crate) note_required: String,
    pub(crate) add_note: String,
    pub(crate) notes: String,
    pub(crate) timers: String,
    pub(crate) close: String,
    pub(crate) yes: String,
    pub(crate) no: String,
    pub(crate) required: String,
    pub(crate) done: String,
    pub(crate) ended: String,
    pub(crate) outcome: String,
    pub(crate) incomplete: String,
    pub(crate) changed: String,
    pub(crate) refused: String,
    pub(crate) kept: String,
    pub(crate) typed: String,
    pub(crate) discard: String,
    pub(crate) sign_in: String,
    pub(crate) sign_in_text: String,
    pub(crate) token: String,
    pub(crate) sign_out: String,
    pub(crate) sign_out_everywhere: String,
    pub(crate) signed_in_as: String,
    pub(crate) not_accepted: String,
    pub(crate) not_found: String,
    pub(crate) invalid: String,
    pub(crate) servers_away: String,
    pub(crate) back: String,
    pub(crate) skip: String,
    pub(crate) places: String,
    pub(crate) colours: String,
    pub(crate) colours_of_browser: String,
    pub(crate) light: String,
    pub(crate) dark: String,
    /// Why servers refuse, by the stable word of the reason.
    reasons: BTreeMap<String, String>,
    pub(crate) desk: Desk,
    pub(crate) follow_up: FollowUpWords,
    pub(crate) history: HistoryWords,
    pub(crate) callers: CallerWords,
    pub(crate) workflows: WorkflowsWords,
    pub(crate) instances: InstancesWords,
    pub(crate) team_page: TeamWords,
    pub(crate) wallboard: WallboardWords,
    pub(crate) wall: WallWords,
    pub(crate) sign_in_page: SignInWords,
}

impl Words {
    /// A refusal in the language of the page, with the sentence of the server as its detail: that is
    /// English, and names what is refused. Without words for the reason the sentence alone.
    pub(crate) fn refusal(&self, reason: &str, sentence: &str) -> String {
        match self.reasons.get(reason) {
            Some(words) if sentence.is_empty() => words.clone(),
            Some(words) => format!("{words} · {sentence}"),
            None => sentence.to_owned(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Languages {
    en: Words,
    de: Words,
}

static LANGUAGES: LazyLock<Languages> = LazyLock::new(|| {
    toml::from_str(include_str!("../words/words.toml")).expect("a test reads the file")
});

/// The words in the first language of the browser that the page speaks, else in English.
pub(crate) fn words(headers: &HeaderMap) -> &'static Words {
    let wanted = headers
        .get(ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok());
    let known = |language: &str| {
        let language = language.trim();
        let code = language.split([';', '-']).next().unwrap_or_default();
        [&LANGUAGES.en, &LANGUAGES.de]
            .into_iter()
            .find(|words| words.code.eq_ignore_ascii_case(code))
    };
    wanted
        .and_then(|wanted| wanted.split(',').find_map(known))
        .unwrap_or(&LANGUAGES.en)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_refusal_is_in_words_with_its_detail() {
        let Languages { en, de } = &*LANGUAGES;
        assert!(en.reasons.keys().eq(de.reasons.keys()));
        let sentence = "the button \"approve\" is gone";
        assert_eq!(
            de.refusal("BUTTON_GONE", sentence),
            format!("{} · {sentence}", de.reasons["BUTTON_GONE"])
        );
        assert_eq!(en.refusal("INTERNAL", sentence), sentence);
        assert_eq!(en.refusal("PAUSED", ""), en.reasons["PAUSED"]);
    }

    #[test]
    fn the_browser_chooses_the_language() {
        for (wanted, code) in [
            ("de-AT,en;q=0.5", "de"),
            ("fr,de;q=0.5", "de"),
            ("fr", "en"),
            ("", "en"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(wanted));
            assert_eq!(words(&headers).code, code, "{wanted}");
        }
        assert_eq!(words(&HeaderMap::new()).code, "en");
    }
}
