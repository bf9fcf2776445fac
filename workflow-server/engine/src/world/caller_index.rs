//! Who rang → calls, newest first, shared by all roots.
//!
//! As the index of calls it is not versioned: every find is checked against the root, which also weeds out what a call was
//! found by before its caller was changed. Nothing is ever taken out but with the whole index, at a restart.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{PoisonError, RwLock};

use hashbrown::HashTable;

use crate::call::Caller;

/// What a caller is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum By {
    Reference,
    Phone,
    Email,
}

/// Names a caller: a reference, a telephone number or a mail address, as it is compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CallerKey {
    by: By,
    text: Box<str>,
}

impl CallerKey {
    /// The first of reference, telephone number and mail address that is given; none where none is.
    #[must_use]
    pub fn of(caller: &Caller) -> Option<Self> {
        keys(caller).next()
    }

    /// Whether this is the caller.
    #[must_use]
    pub fn fits(&self, caller: &Caller) -> bool {
        keys(caller).any(|key| key == *self)
    }
}

/// Numbers are compared by their digits, addresses without case.
fn keys(caller: &Caller) -> impl Iterator<Item = CallerKey> {
    let phone: String = caller.phone.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
    let texts = [
        (By::Reference, caller.reference.trim().to_owned()),
        (By::Phone, phone),
        (By::Email, caller.email.trim().to_lowercase()),
    ];
    texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(by, text)| CallerKey { by, text: text.into() })
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    hash: u32,
    node: u32,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    slot: u32,
    /// The node before it plus one; 0 for none.
    before: u32,
}

#[derive(Debug, Default)]
struct Chains {
    newest: HashTable<Newest>,
    nodes: Vec<Node>,
}

/// The index.
#[derive(Debug, Default)]
pub struct CallerIndex {
    chains: RwLock<Chains>,
}

impl CallerIndex {
    /// The slots of calls that may be this caller's, newest first, at most `at_most`.
    pub(super) fn slots(&self, key: &CallerKey, at_most: usize) -> Vec<u32> {
        let hash = hash(key);
        let chains = self.chains.read().unwrap_or_else(PoisonError::into_inner);
        let newest = chains.newest.find(spread(hash), |newest| newest.hash == hash);
        let first = newest.and_then(|newest| chains.nodes.get(newest.node as usize));
        let before = |node: &&Node| node.before.checked_sub(1).and_then(|at| chains.nodes.get(at as usize));
        std::iter::successors(first, before).take(at_most).map(|node| node.slot).collect()
    }

    /// Adds a call by what its caller is found by, as far as that is new.
    pub(super) fn add(&self, caller: &Caller, known: Option<&Caller>, slot: u32) {
        let mut added = keys(caller).filter(|key| known.is_none_or(|known| !key.fits(known))).peekable();
        if added.peek().is_none() {
            return;
        }
        let mut chains = self.chains.write().unwrap_or_else(PoisonError::into_inner);
        let Chains { newest, nodes } = &mut *chains;
        for key in added {
            let hash = hash(&key);
            let node = nodes.len() as u32;
            let entry = newest.entry(spread(hash), |newest| newest.hash == hash, |newest| spread(newest.hash));
            let mut before = 0;
            entry
                .and_modify(|newest| before = std::mem::replace(&mut newest.node, node) + 1)
                .or_insert(Newest { hash, node });
            nodes.push(Node { slot, before });
        }
    }
}

fn hash(key: &CallerKey) -> u32 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    (hasher.finish() >> 32) as u32
}

/// The table takes its buckets from the low and its tags from the high bits: 32 bits are spread over both.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(reference: &str, phone: &str, email: &str) -> Caller {
        Caller { reference: reference.into(), phone: phone.into(), email: email.into(), ..Caller::default() }
    }

    #[test]
    fn a_caller_is_found_by_any_of_the_three_however_it_is_written() {
        let index = CallerIndex::default();
        let known = caller("C-7", "+44 (0)20-7946", "Bea@Example.com");
        index.add(&known, None, 3);
        index.add(&caller("", "+4402 07946", ""), None, 8);
        let slots = |asked: &Caller| index.slots(&CallerKey::of(asked).expect("a caller"), 10);
        assert_eq!(slots(&caller("C-7", "", "")), [3]);
        assert_eq!(slots(&caller("", "+44 0207946", "")), [8, 3]);
        assert_eq!(slots(&caller("", "", "bea@example.com")), [3]);
        assert_eq!(slots(&caller("c-7", "", "")), [0_u32; 0]);
        assert_eq!(CallerKey::of(&Caller { name: "Bea".into(), ..Caller::default() }), None);
    }

    #[test]
    fn a_call_is_added_once_for_what_it_is_found_by() {
        let index = CallerIndex::default();
        let known = caller("C-7", "1", "");
        index.add(&known, None, 3);
        index.add(&caller("C-7", "2", ""), Some(&known), 3);
        assert_eq!(index.slots(&CallerKey::of(&known).expect("a caller"), 10), [3]);
        assert_eq!(index.slots(&CallerKey::of(&caller("", "2", "")).expect("a caller"), 10), [3]);
    }
}
