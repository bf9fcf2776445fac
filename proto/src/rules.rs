//! Who may call which RPC, as the `.proto` files say.
//!
//! Promise: each RPC of Aftercall has a rule; the build fails without one. A path that has none is
//! not served.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::access::v1::Role;

/// The rule of an RPC.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its path: `/package.Service/Method`.
    pub path: &'static str,
    /// Whether its answer is a stream.
    pub is_stream: bool,
    /// Whether it may take a minute; of a stream, whether it is finite.
    pub is_long: bool,
    /// Whether somebody acts by it: a change, or a backup. Its request names an actor.
    pub is_action: bool,
    /// The number of the field of its request that makes a repeat safe, if it has one.
    pub request_id_field: Option<u32>,
    /// A caller needs one of them.
    pub roles: &'static [Role],
}

impl Rule {
    /// Its service with the package, and its method.
    #[must_use]
    pub fn names(&self) -> (&'static str, &'static str) {
        let path = self.path.trim_start_matches('/');
        path.split_once('/').unwrap_or((path, ""))
    }
}

/// The rules of all RPCs, in the order of the descriptors.
pub static RULES: &[Rule] = &include!(concat!(env!("OUT_DIR"), "/rules.rs"));

static BY_PATH: LazyLock<HashMap<&'static str, &'static Rule>> =
    LazyLock::new(|| RULES.iter().map(|rule| (rule.path, rule)).collect());

/// The rule of a path; `None` for any path that is not exactly that of an RPC of Aftercall.
#[must_use]
pub fn rule(path: &str) -> Option<&'static Rule> {
    BY_PATH.get(path).copied()
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 9] = [
        Self::ScriptEngine,
        Self::Agent,
        Self::Supervisor,
        Self::Author,
        Self::Operator,
        Self::Auditor,
        Self::Alerter,
        Self::Display,
        Self::Member,
    ];

    /// Its name in files and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "",
            Self::ScriptEngine => "script-engine",
            Self::Agent => "agent",
            Self::Supervisor => "supervisor",
            Self::Author => "author",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
            Self::Alerter => "alerter",
            Self::Display => "display",
            Self::Member => "member",
        }
    }

    /// The role of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::{env, fs};

    use super::*;

    const ACCESS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/access.md");

    /// The page that shows every rule.
    fn page() -> String {
        let mut page = String::from(
            "# Who may call what\n\n\
             Made from the `.proto` files: each RPC there names its roles in the option `aftercall.access.v1.rule`. \
             Rewrite it with\n`AFTERCALL_WRITE_DOCS=1 cargo test -p aftercall-proto`. [security.md](security.md) explains the roles.\n\n\
             Health needs no proof. Reflection needs any. Every other path is refused.\n",
        );
        let mut last = "";
        for rule in RULES {
            let (service, method) = rule.names();
            if service != last {
                let title = service.rsplit('.').next().unwrap_or(service);
                write!(page, "\n## {title}\n\n`{service}`\n\n| RPC |").expect("a string");
                for role in Role::ALL {
                    write!(page, " {} |", role.name()).expect("a string");
                }
                write!(page, "\n|---|{}\n", ":-:|".repeat(Role::ALL.len())).expect("a string");
                last = service;
            }
            write!(page, "| {method} |").expect("a string");
            for role in Role::ALL {
                let mark = if rule.roles.contains(&role) {
                    " ● |"
                } else {
                    "  |"
                };
                page.push_str(mark);
            }
            page.push('\n');
        }
        page
    }

    #[test]
    fn the_page_of_rules_is_the_one_of_the_protos() {
        let page = page();
        if env::var_os("AFTERCALL_WRITE_DOCS").is_some() {
            fs::write(ACCESS, &page).expect("written");
        }
        let kept = fs::read_to_string(ACCESS).expect("docs/access.md");
        assert!(
            kept == page,
            "docs/access.md differs: run AFTERCALL_WRITE_DOCS=1 cargo test -p aftercall-proto"
        );
    }

    #[test]
    fn every_method_of_the_descriptors_has_a_rule() {
        use prost::Message as _;
        let all = prost_types::FileDescriptorSet::decode(crate::DESCRIPTORS).expect("descriptors");
        let mut methods = 0;
        for file in &all.file {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    let rule = rule(&path).expect("a rule");
                    assert!(!rule.roles.is_empty(), "{path}");
                    assert_eq!(rule.is_stream, method.server_streaming(), "{path}");
                    methods += 1;
                }
            }
        }
        assert_eq!(methods, RULES.len());
    }

    #[test]
    fn only_the_exact_path_of_an_rpc_has_a_rule() {
        let path = "/aftercall.workflow.v1.OperationsService/GetServerInfo";
        assert!(rule(path).is_some());
        for odd in [
            path.trim_start_matches('/').to_owned(),
            format!("/{path}"),
            path.replace("/Get", "//Get"),
            path.to_lowercase(),
            path.replace("Get", "%47et"),
            format!("{path}/"),
            format!("{path}?"),
            String::new(),
        ] {
            assert_eq!(rule(&odd), None, "{odd}");
        }
    }

    #[test]
    fn roles_are_named_as_they_are_read() {
        for role in Role::ALL {
            assert_eq!(Role::named(role.name()), Some(role));
        }
        assert_eq!((Role::named(""), Role::named("root")), (None, None));
    }
}
