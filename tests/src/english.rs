//! The words that nobody writes here, and what is written instead: for the documents and the code.

/// What is not written, and what is written instead.
pub const WORDS: &[(&str, &str)] = &[
    ("told", "reports, shows, logs, warns"),
    ("tell", "report, show, log, warn"),
    ("tells", "reports, shows, logs, warns"),
    ("telling", "reporting, showing, logging"),
    ("at fault", "invalid"),
    ("stands", "is"),
    ("stand in", "is used instead"),
    ("stands in", "is used instead"),
    ("goes on", "continues, resumes"),
    ("go on", "continue, resume"),
    ("going on", "continuing"),
    ("went on", "continued"),
    ("anew", "again, new"),
    ("lets go of", "releases, closes, frees"),
    ("let go of", "release, close, free"),
    ("gives back", "returns, releases"),
    ("give back", "return, release"),
    ("gives whether", "returns whether"),
    ("is asked for", "is requested, requires"),
    ("by itself", "automatically, alone"),
    ("by themselves", "automatically, alone"),
    ("what there is", "the existing ones"),
    ("it comes to", "it results in"),
    ("leg", "path"),
    ("legs", "paths"),
    ("rung", "escalation step"),
    ("rungs", "escalation steps"),
    ("in the open", "on a public or shared network"),
    ("whoever", "the person who"),
    ("whatever", "any"),
    ("from then on", "after that"),
    ("by then", "before that"),
    ("makes good", "repairs, retries"),
    ("counts for nothing", "is ignored"),
];

/// What to write instead of a word of [`WORDS`].
pub fn instead_of(word: &str) -> &'static str {
    WORDS
        .iter()
        .find(|(known, _)| *known == word)
        .map_or("", |(_, instead)| instead)
}
