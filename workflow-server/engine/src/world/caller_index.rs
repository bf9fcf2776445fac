//! Finds the calls of a caller, newest first. All roots share this index.
//!
//! Like the index of calls, it has no versions: a reader checks each result against its root. That
//! check also drops calls whose caller has changed. A call that has left memory is removed later,
//! when no reader's root has it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{PoisonError, RwLock};

use hashbrown::HashTable;

use crate::call::Caller;
use crate::phone::{self, Country, Readings};

/// The kinds of properties by which calls are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum By {
    Reference,
    Phone,
    Email,
}

/// A property by which calls are found. It depends on no setting, so an index or archive stays
/// valid when a setting changes.
type Term = (By, String);

/// The property that identifies a caller, in the form for comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Reference(String),
    Phone {
        readings: Readings,
        country: Country,
        earlier_forms: Vec<String>,
    },
    Email(String),
}

/// A caller to search for: a reference, a telephone number or a mail address, and how strictly to
/// compare it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerKey {
    name: Name,
    terms: Vec<Term>,
    is_exact: bool,
}

/// Equal keys have equal terms.
impl Hash for CallerKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.terms, self.is_exact).hash(state);
    }
}

impl CallerKey {
    /// Uses the first of reference, telephone number and mail address that the caller has. Returns
    /// `None` if the caller has none of them. A telephone number matches if it may be the same.
    /// `country` is the country of numbers without a country code.
    #[must_use]
    pub fn new(caller: &Caller, country: Country) -> Option<Self> {
        let term = |by, text: &str| vec![(by, text.to_owned())];
        let (name, terms) = if let Some(reference) = reference(caller) {
            let terms = term(By::Reference, &reference);
            (Name::Reference(reference), terms)
        } else if let Some(readings) = phone::read(&caller.phone, country) {
            let terms = phone::sought_terms(&caller.phone, country);
            let earlier_forms = phone::earlier_forms(&caller.phone, country);
            let terms = terms.into_iter().map(|term| (By::Phone, term)).collect();
            (
                Name::Phone {
                    readings,
                    country,
                    earlier_forms,
                },
                terms,
            )
        } else {
            let email = email(caller)?;
            let terms = term(By::Email, &email);
            (Name::Email(email), terms)
        };
        Some(Self {
            name,
            terms,
            is_exact: false,
        })
    }

    /// Makes the comparison strict: only a telephone number that is certainly the same matches.
    /// Changes use this, because they must not affect another person.
    #[must_use]
    pub fn exactly(self) -> Self {
        Self {
            is_exact: true,
            ..self
        }
    }

    /// Whether `caller` is the caller to search for.
    #[must_use]
    pub fn matches(&self, caller: &Caller) -> bool {
        match &self.name {
            Name::Reference(text) => reference(caller).as_ref() == Some(text),
            Name::Email(text) => email(caller).as_ref() == Some(text),
            Name::Phone {
                readings, country, ..
            } => {
                let is_it = if self.is_exact {
                    Readings::is_same
                } else {
                    Readings::may_be
                };
                phone::read(&caller.phone, *country).is_some_and(|other| is_it(readings, &other))
            }
        }
    }

    /// The terms of a caller as bytes. Their hashes are stored in files.
    pub fn bytes_of(caller: &Caller) -> impl Iterator<Item = Vec<u8>> {
        terms(caller).into_iter().map(|term| bytes(&term))
    }

    /// The terms of this caller as bytes, to search for in hashes that are stored in files.
    /// Includes the forms that earlier servers stored.
    #[must_use]
    pub fn sought_bytes(&self) -> Vec<Vec<u8>> {
        let earlier: &[String] = match &self.name {
            Name::Phone { earlier_forms, .. } => earlier_forms,
            Name::Reference(_) | Name::Email(_) => &[],
        };
        let earlier = earlier.iter().map(|form| [b"p", form.as_bytes()].concat());
        self.terms.iter().map(bytes).chain(earlier).collect()
    }

    /// Whether the calls of this caller are in more than one chain.
    pub(super) fn is_in_chains(&self) -> bool {
        self.terms.len() > 1
    }
}

/// A term as bytes. Earlier servers stored telephone numbers as they were written, with another
/// letter.
fn bytes((by, text): &Term) -> Vec<u8> {
    let by = match by {
        By::Reference => b'r',
        By::Phone => b'n',
        By::Email => b'e',
    };
    [&[by], text.as_bytes()].concat()
}

/// The reference without invisible characters, which earlier servers stored.
fn reference(caller: &Caller) -> Option<String> {
    seen(&caller.reference)
}

/// The mail address in lower case.
fn email(caller: &Caller) -> Option<String> {
    seen(&caller.email).map(|email| email.to_lowercase())
}

fn seen(text: &str) -> Option<String> {
    let seen = aftercall_text::key(text);
    Some(seen.trim().to_owned()).filter(|text| !text.is_empty())
}

/// All terms by which a caller is found.
fn terms(caller: &Caller) -> Vec<Term> {
    let reference = reference(caller).map(|text| (By::Reference, text));
    let phone = phone::terms(&caller.phone)
        .into_iter()
        .map(|term| (By::Phone, term));
    let email = email(caller).map(|text| (By::Email, text));
    reference.into_iter().chain(phone).chain(email).collect()
}

/// The calls of one hash.
#[derive(Clone, Copy, Debug)]
struct Chain {
    hash: u32,
    newest: u32,
    oldest: u32,
}

/// A call in its chain. `before` and `after` are places plus one; 0 means none.
#[derive(Clone, Copy, Debug)]
struct Node {
    slot: u32,
    before: u32,
    after: u32,
}

#[derive(Debug, Default)]
struct Chains {
    by_hash: HashTable<Chain>,
    nodes: Vec<Node>,
    free: Vec<u32>,
}

impl Chains {
    fn at(&self, place: u32) -> Option<Node> {
        self.nodes.get(place.checked_sub(1)? as usize).copied()
    }

    /// Stores a node in a free place. Returns the place plus one.
    fn place(&mut self, node: Node) -> u32 {
        if let Some(free) = self.free.pop() {
            self.nodes[free as usize] = node;
            return free + 1;
        }
        self.nodes.push(node);
        self.nodes.len() as u32
    }

    fn add(&mut self, hash: u32, slot: u32) {
        let found = self
            .by_hash
            .find(spread(hash), |chain| chain.hash == hash)
            .copied();
        let before = found.map_or(0, |chain| chain.newest);
        let place = self.place(Node {
            slot,
            before,
            after: 0,
        });
        if before > 0 {
            self.nodes[before as usize - 1].after = place;
        }
        let oldest = found.map_or(place, |chain| chain.oldest);
        self.put(Chain {
            hash,
            newest: place,
            oldest,
        });
    }

    /// Removes the oldest node of this slot. The search begins at the oldest, because old calls
    /// leave memory first.
    fn remove(&mut self, hash: u32, slot: u32) {
        let Some(mut chain) = self
            .by_hash
            .find(spread(hash), |chain| chain.hash == hash)
            .copied()
        else {
            return;
        };
        let mut place = chain.oldest;
        while let Some(node) = self.at(place).filter(|node| node.slot != slot) {
            place = node.after;
        }
        let Some(Node { before, after, .. }) = self.at(place) else {
            return;
        };
        match before {
            0 => chain.oldest = after,
            before => self.nodes[before as usize - 1].after = after,
        }
        match after {
            0 => chain.newest = before,
            after => self.nodes[after as usize - 1].before = before,
        }
        self.free.push(place - 1);
        self.put(chain);
    }

    fn put(&mut self, chain: Chain) {
        let is_it = |known: &Chain| known.hash == chain.hash;
        if let Ok(found) = self.by_hash.find_entry(spread(chain.hash), is_it) {
            found.remove();
        }
        if chain.newest > 0 {
            self.by_hash
                .insert_unique(spread(chain.hash), chain, |chain| spread(chain.hash));
        }
    }
}

/// The slots of calls by their callers.
#[derive(Debug, Default)]
pub struct CallerIndex {
    chains: RwLock<Chains>,
}

impl CallerIndex {
    /// The slots of calls that may be this caller's, at most `at_most`. Each chain is ordered
    /// newest first.
    pub(super) fn slots(&self, key: &CallerKey, at_most: usize) -> Vec<u32> {
        let chains = self.chains.read().unwrap_or_else(PoisonError::into_inner);
        let of_term = |term: &Term| {
            let hash = hash(term);
            let chain = chains
                .by_hash
                .find(spread(hash), |chain| chain.hash == hash);
            let newest = chain.and_then(|chain| chains.at(chain.newest));
            std::iter::successors(newest, |node| chains.at(node.before)).map(|node| node.slot)
        };
        key.terms.iter().flat_map(of_term).take(at_most).collect()
    }

    /// Adds a call by those terms of its caller that `known`, its caller before, does not have.
    pub(super) fn add(&self, caller: &Caller, known: Option<&Caller>, slot: u32) {
        let added = hashes(caller, known);
        if added.is_empty() {
            return;
        }
        let mut chains = self.chains.write().unwrap_or_else(PoisonError::into_inner);
        added.iter().for_each(|hash| chains.add(*hash, slot));
    }

    /// Removes a call from the chain of a hash.
    pub(super) fn remove(&self, hash: u32, slot: u32) {
        self.chains
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(hash, slot);
    }
}

/// The hashes of the terms of a caller, without those that `except` has too.
pub(super) fn hashes(caller: &Caller, except: Option<&Caller>) -> Box<[u32]> {
    let of_caller = |caller: &Caller| -> Vec<u32> { terms(caller).iter().map(hash).collect() };
    let others = except.map(of_caller).unwrap_or_default();
    of_caller(caller)
        .into_iter()
        .filter(|hash| !others.contains(hash))
        .collect()
}

fn hash(term: &Term) -> u32 {
    let mut hasher = DefaultHasher::new();
    term.hash(&mut hasher);
    (hasher.finish() >> 32) as u32
}

/// Spreads 32 bits over 64, because the table uses the low bits for buckets and the high bits for
/// tags.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(reference: &str, phone: &str, email: &str) -> Caller {
        Caller {
            reference: reference.into(),
            phone: phone.into(),
            email: email.into(),
            ..Caller::default()
        }
    }

    #[test]
    fn a_caller_is_found_by_reference_phone_or_email() {
        let index = CallerIndex::default();
        let known = caller("C-7", "+44 (0)20-7946 0001", "Bea@Example.com");
        index.add(&known, None, 3);
        index.add(&caller("", "+4402 079460001", ""), None, 8);
        let slots = |asked: &Caller| {
            index.slots(&CallerKey::new(asked, Country::NONE).expect("a caller"), 10)
        };
        assert_eq!(slots(&caller("C-7", "", "")), [3]);
        assert_eq!(slots(&caller("", "+44 02079460001", "")), [8, 3]);
        assert_eq!(slots(&caller("", "", "bea@example.com")), [3]);
        assert_eq!(slots(&caller("c-7", "", "")), [0_u32; 0]);
        assert_eq!(
            CallerKey::new(
                &Caller {
                    name: "Bea".into(),
                    ..Caller::default()
                },
                Country::NONE
            ),
            None
        );
    }

    #[test]
    fn a_removed_call_leaves_the_order_of_the_others() {
        let index = CallerIndex::default();
        let known = caller("C-7", "", "");
        let (key, hash) = (
            CallerKey::new(&known, Country::NONE).expect("a caller"),
            hashes(&known, None)[0],
        );
        (0..5).for_each(|slot| index.add(&known, None, slot));
        for (gone, left) in [
            (0, vec![4, 3, 2, 1]),
            (2, vec![4, 3, 1]),
            (4, vec![3, 1]),
            (9, vec![3, 1]),
            (3, vec![1]),
            (1, vec![]),
        ] {
            index.remove(hash, gone);
            assert_eq!(index.slots(&key, 10), left);
        }
        index.add(&known, None, 7);
        index.add(&known, None, 8);
        index.add(&known, None, 7);
        index.remove(hash, 7);
        assert_eq!(
            index.slots(&key, 10),
            [7, 8],
            "the newer of two equal nodes is kept"
        );
        assert_eq!(index.slots(&key, 1), [7]);
    }

    #[test]
    fn a_changed_caller_is_not_indexed_twice() {
        let index = CallerIndex::default();
        let known = caller("C-7", "1", "");
        index.add(&known, None, 3);
        index.add(&caller("C-7", "2", ""), Some(&known), 3);
        assert_eq!(
            index.slots(
                &CallerKey::new(&known, Country::NONE).expect("a caller"),
                10
            ),
            [3]
        );
        assert_eq!(
            index.slots(
                &CallerKey::new(&caller("", "2", ""), Country::NONE).expect("a caller"),
                10
            ),
            [3]
        );
    }
}
