//! The top of every page: where a person can go, and who they are.

use aftercall_proto::access::v1::Role;

use crate::people::Person;
use crate::words::Words;

/// A place of the navigation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Here {
    Board,
    Team,
    Workflows,
    Instances,
}

impl Here {
    /// In the order in which they are shown.
    const ALL: [Self; 4] = [Self::Board, Self::Team, Self::Workflows, Self::Instances];

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Board => "/",
            Self::Team => "/team",
            Self::Workflows => "/workflows",
            Self::Instances => "/instances",
        }
    }

    pub(crate) fn name(self, words: &Words) -> &str {
        match self {
            Self::Board => &words.board,
            Self::Team => &words.team_page.title,
            Self::Workflows => &words.workflows.title,
            Self::Instances => &words.instances.title,
        }
    }

    /// Who has a use for it.
    fn roles(self) -> &'static [Role] {
        match self {
            Self::Board => &[Role::Agent, Role::Supervisor, Role::Operator, Role::Auditor],
            Self::Team => &[Role::Supervisor, Role::Operator, Role::Auditor],
            Self::Workflows => &[
                Role::Author,
                Role::Supervisor,
                Role::Operator,
                Role::Auditor,
            ],
            Self::Instances => &[Role::Supervisor, Role::Operator, Role::Auditor],
        }
    }
}

/// What the template of every page needs: `frame.html`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) words: &'a Words,
    pub(crate) person: &'a Person,
    pub(crate) here: Here,
}

impl Frame<'_> {
    /// The places that the person has a use for.
    pub(crate) fn places(&self) -> Vec<Here> {
        let all = Here::ALL.into_iter();
        all.filter(|here| self.person.may(here.roles())).collect()
    }
}
