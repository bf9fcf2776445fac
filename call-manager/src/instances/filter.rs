//! Which instances are meant, in addresses and forms.

use aftercall_proto::workflow::v1::{InstanceFilter, Status};

use crate::form::duration;
use crate::trouble::Trouble;

/// The texts of an address or a form in their order; a name may be there more than once.
pub(crate) type Pairs = Vec<(String, String)>;

/// The first text with a name; empty where there is none.
pub(crate) fn text<'a>(pairs: &'a Pairs, name: &str) -> &'a str {
    let mut found = pairs.iter().filter(|(known, _)| known == name);
    found.next().map_or("", |(_, text)| text.trim())
}

/// All ids that are named: each in a text of its own, or many in one.
pub(crate) fn ids(pairs: &Pairs) -> Vec<String> {
    let named = pairs.iter().filter(|(name, _)| name == "id");
    let ids = named.flat_map(|(_, text)| text.split_whitespace());
    ids.map(str::to_owned).collect()
}

/// The names of the filter.
const NAMES: [&str; 11] = [
    "workflow", "version", "stage", "status", "team", "customer", "holder", "older", "overdue",
    "hidden", "archived",
];

/// A filter as people give it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked(Vec<(&'static str, String)>);

impl Asked {
    pub(crate) fn of(pairs: &Pairs) -> Self {
        let named = NAMES.map(|name| (name, text(pairs, name).to_owned()));
        Self(
            named
                .into_iter()
                .filter(|(_, text)| !text.is_empty())
                .collect(),
        )
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        let mut found = self.0.iter().filter(|(known, _)| *known == name);
        found.next().map_or("", |(_, text)| text.as_str())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For hidden fields of a form.
    pub(crate) fn pairs(&self) -> &[(&'static str, String)] {
        &self.0
    }

    /// For an address.
    pub(crate) fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.0);
        query.finish()
    }

    /// As the servers know it.
    ///
    /// # Errors
    /// [`Trouble::Form`] names a text that is no number, status or duration.
    pub(crate) fn filter(&self) -> Result<InstanceFilter, Trouble> {
        let list = |name: &str| {
            let text = Some(self.get(name).to_owned()).filter(|text| !text.is_empty());
            text.into_iter().collect::<Vec<String>>()
        };
        let number = |name: &str| {
            let numbers = list(name).into_iter().map(|text| {
                let number = text.parse::<u32>();
                number.map_err(|_| Trouble::Form(format!("{name}: {text:?}")))
            });
            numbers.collect::<Result<Vec<u32>, Trouble>>()
        };
        let flag = |name: &str| (!self.get(name).is_empty()).then_some(true);
        let is_open = ["", "open"].contains(&self.get("status"));
        let statuses = if is_open {
            Vec::new()
        } else {
            let status = Status::from_str_name(self.get("status"));
            let unknown = || Trouble::Form(format!("status: {:?}", self.get("status")));
            vec![status.ok_or_else(unknown)?.into()]
        };
        let older_than = match self.get("older") {
            "" => None,
            text => {
                let unknown = || Trouble::Form(format!("older: {text:?}"));
                Some(duration(text).ok_or_else(unknown)?)
            }
        };
        Ok(InstanceFilter {
            workflows: list("workflow"),
            versions: number("version")?,
            stages: number("stage")?,
            statuses,
            teams: list("team"),
            customers: list("customer"),
            holders: list("holder"),
            hidden: flag("hidden"),
            overdue: flag("overdue"),
            older_than,
            archived: flag("archived").is_some(),
            ..InstanceFilter::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Pairs {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn a_filter_is_read_from_an_address() {
        let asked = Asked::of(&pairs(&[
            ("workflow", "refund"),
            ("stage", "2"),
            ("status", "STATUS_PAUSED"),
            ("older", "1d 2h"),
            ("overdue", "1"),
            ("team", " "),
            ("page", "token"),
        ]));
        let filter = asked.filter().expect("a filter");
        assert_eq!(filter.workflows, ["refund"]);
        assert_eq!(filter.stages, [2]);
        assert_eq!(filter.statuses, [i32::from(Status::Paused)]);
        assert_eq!(filter.older_than.map(|span| span.seconds), Some(93_600));
        assert_eq!((filter.overdue, filter.hidden), (Some(true), None));
        assert!(filter.teams.is_empty());
        let query = asked.query();
        assert!(query.starts_with("workflow=refund&stage=2"), "{query}");
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for (name, text) in [
            ("version", "two"),
            ("status", "lost"),
            ("older", "long"),
            ("older", "-1h"),
        ] {
            let asked = Asked::of(&pairs(&[(name, text)]));
            assert!(asked.filter().is_err(), "{name}: {text}");
        }
    }

    #[test]
    fn ids_come_alone_or_together() {
        let pairs = pairs(&[("id", "a"), ("id", "b c"), ("other", "d")]);
        assert_eq!(ids(&pairs), ["a", "b", "c"]);
    }
}
