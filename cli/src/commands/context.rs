//! `aftercall context`: names for servers and for how you prove who you are.
//!
//! Promise: a context has the names of files as absolute paths, never their contents. Must not: ask
//! a server.

use std::collections::btree_map::Entry;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::contexts::{Context, Contexts, check_name};
use crate::errors::Failure;
use crate::session::Session;
use crate::table::{Table, id, sentence, whole};

const ROWS: Table<'_> = Table {
    columns: &[
        id("name"),
        whole("in use", 2),
        sentence("workflow-server", 1),
        sentence("alerter-server", 1),
        sentence("token file", 3),
    ],
    empty: "There are no contexts. `aftercall context add NAME --server … --alerter …` adds one.",
};

#[derive(Debug, Subcommand)]
pub(crate) enum ContextCommand {
    /// Add a context with the servers and files that this command line names
    #[command(after_help = "\
Examples:
  aftercall context add trial --server 127.0.0.1:7401 --alerter 127.0.0.1:7402
  aftercall context add prod --server https://calls.example.com:7401 --alerter https://calls.example.com:7402 \\
    --ca-file ca.pem --token-file ~/.config/aftercall/token
  aftercall context add cluster --server https://a.example.com:7401,https://b.example.com:7401

It keeps the names of files, not what is in them. Variables are not kept. The first context is in use at once.")]
    Add {
        /// Its name: letters, digits, hyphens, underscores and dots
        name: String,
    },
    /// Use a context for all commands that name no other
    #[command(after_help = "Example:\n  aftercall context use prod")]
    Use {
        /// Its name
        #[arg(value_name = "CONTEXT")]
        name: String,
    },
    /// List the contexts
    #[command(after_help = "Example:\n  aftercall context list")]
    List,
    /// Remove a context; the files that it names stay
    #[command(after_help = "Example:\n  aftercall context remove prod")]
    Remove {
        /// Its name
        #[arg(value_name = "CONTEXT")]
        name: String,
    },
}

impl ContextCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut contexts = Contexts::read()?;
        match self {
            Self::Add { name } => add(session, &mut contexts, &name),
            Self::Use { name } => {
                contexts.get(&name)?;
                contexts.current = Some(name.clone());
                contexts.write()?;
                done(session, &contexts, &name, &format!("Using {name}."))
            }
            Self::List => list(session, &contexts),
            Self::Remove { name } => {
                let shown = shown(&contexts, &name, contexts.get(&name)?);
                contexts.contexts.remove(&name);
                contexts.current.take_if(|current| *current == name);
                contexts.write()?;
                let text = format!("Removed {name}.");
                session.output.written(&shown, &text)
            }
        }
    }
}

fn add(session: &Session, contexts: &mut Contexts, name: &str) -> Result<(), Failure> {
    check_name(name)?;
    let context = session.flags.clone();
    if context.server.is_none() && context.alerter.is_none() {
        return Err(Failure::usage(
            "A context names servers: give --server and --alerter, with https:// for TLS.",
        ));
    }
    // What could never be used is refused now: an address that is none, a certificate without a key.
    for address in [&context.server, &context.alerter].into_iter().flatten() {
        let connector = aftercall_client::Connector::to(address)
            .map_err(|error| Failure::usage(format!("{error}.")))?;
        context.credentials().with(connector)?;
    }
    match contexts.contexts.entry(name.to_owned()) {
        Entry::Occupied(_) => {
            return Err(Failure::refused(format!(
                "There is a context {name} already: remove it first with `aftercall context remove {name}`."
            )));
        }
        Entry::Vacant(place) => {
            let credentials = context.credentials().absolute()?;
            place.insert(Context::new(context.server, context.alerter, credentials));
        }
    }
    let is_first = contexts.current.is_none();
    contexts.current.get_or_insert(name.to_owned());
    contexts.write()?;
    let text = match is_first {
        true => format!("Added {name}, and using it."),
        false => format!("Added {name}. `aftercall context use {name}` uses it."),
    };
    done(session, contexts, name, &text)
}

fn done(session: &Session, contexts: &Contexts, name: &str, text: &str) -> Result<(), Failure> {
    let context = contexts.get(name)?;
    session
        .output
        .written(&shown(contexts, name, context), text)
}

fn list(session: &Session, contexts: &Contexts) -> Result<(), Failure> {
    let all = contexts.contexts.iter();
    if session.output.is_json() {
        let all = all.map(|(name, context)| shown(contexts, name, context));
        return session.output.json(&all.collect());
    }
    let row = |(name, context): (&String, &Context)| {
        let is_current = contexts.current.as_ref() == Some(name);
        let token = context.token_file.as_ref();
        vec![
            name.clone(),
            if is_current { "yes" } else { "" }.to_owned(),
            context.server.clone().unwrap_or_default(),
            context.alerter.clone().unwrap_or_default(),
            token.map_or_else(String::new, |path| path.display().to_string()),
        ]
    };
    session.output.table(&ROWS, all.map(row))
}

/// A context for programs.
fn shown(contexts: &Contexts, name: &str, context: &Context) -> Value {
    let is_current = contexts.current.as_deref() == Some(name);
    let mut shown = json!({ "name": name, "current": is_current });
    if let (Ok(Value::Object(fields)), Some(shown)) =
        (serde_json::to_value(context), shown.as_object_mut())
    {
        shown.extend(fields);
    }
    shown
}
