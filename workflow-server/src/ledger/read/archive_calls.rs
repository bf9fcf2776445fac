//! Finds archived calls by their key or by their caller.
//!
//! The archive may hold the same call more than once. This happens if it is reported again after it
//! has left memory. The newest state decides whether Call Managers may see the call.

use std::cmp::Reverse;
use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::Root;
use aftercall_engine::call::{Call, CallKey};
use aftercall_engine::world::caller_index::CallerKey;

use super::archive::{Archive, FoundCall};
use super::history::HistoryError;
use crate::records::{ArchivedCall, ArchivedInstance, ChunkContent};

/// Before all ends: at this time no instance is past its retention.
const BEFORE_ALL: Time = Time(i64::MIN);

/// Decides whether Call Managers may see a call.
pub(in crate::ledger) type IsShown<'f> = &'f (dyn Fn(&Call) -> bool + Sync);

impl Archive {
    /// The newest archived call with this key, as it was when it left memory. Reads no file whose
    /// filter excludes the key.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn call(&self, key: &CallKey, now: Time) -> Result<Option<Arc<Call>>, HistoryError> {
        self.newest(self.keys().of_call(key), now).await
    }

    async fn newest(&self, key: u64, now: Time) -> Result<Option<Arc<Call>>, HistoryError> {
        let (root, contents) = self.holding(&[key]).await?;
        let mut newest: Option<&ArchivedCall> = None;
        for content in &contents {
            for (at, call) in content
                .calls
                .iter()
                .enumerate()
                .filter(|(_, call)| call.key == key)
            {
                let is_newer = newest.is_none_or(|newest| newest.sequence < call.sequence);
                if is_newer && self.kept(&root, content, (at, call), now).is_some() {
                    newest = Some(call);
                }
            }
        }
        match newest {
            Some(newest) => self.read_call(newest).await.map(Some),
            None => Ok(None),
        }
    }

    /// The instances of a call that are not past their retention. `None` if the call itself is past
    /// it.
    fn kept<'c>(
        &self,
        root: &Root,
        content: &'c ChunkContent,
        (at, call): (usize, &ArchivedCall),
        now: Time,
    ) -> Option<Vec<&'c ArchivedInstance>> {
        let all = || {
            content
                .instances
                .iter()
                .filter(|one| one.call as usize == at)
        };
        if all().next().is_none() {
            return (!self.call_is_outlived(call, now)).then(Vec::new);
        }
        let kept: Vec<_> = all()
            .filter(|one| !self.instance_is_outlived(root, one, now))
            .collect();
        (!kept.is_empty()).then_some(kept)
    }

    /// All archived states of a call, newest first. There are several if it was reported again
    /// after it had left memory.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn calls(&self, key: &CallKey, now: Time) -> Result<Vec<FoundCall>, HistoryError> {
        let hash = self.keys().of_call(key);
        let (root, contents) = self.holding(&[hash]).await?;
        let mut found = Vec::new();
        for content in contents {
            for (at, call) in content
                .calls
                .iter()
                .enumerate()
                .filter(|(_, call)| call.key == hash)
            {
                if let Some(kept) = self.kept(&root, &content, (at, call), now) {
                    found.push(self.found_call(self.read_call(call).await?, kept).await?);
                }
            }
        }
        found.sort_by_key(|found| Reverse(found.call.sequence));
        Ok(found)
    }

    /// The calls of a caller, newest first, at most `calls_max`. With a customer, only calls of
    /// that customer. With `is_shown`, only calls that it accepts, both in this state and in the
    /// newest one.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn calls_of(
        &self,
        caller: &CallerKey,
        (customer, is_shown): (&str, Option<IsShown<'_>>),
        calls_max: usize,
        now: Time,
    ) -> Result<Vec<FoundCall>, HistoryError> {
        let terms = caller.sought_bytes();
        let hashes: Vec<u64> = terms
            .iter()
            .map(|term| self.keys().of_caller(term))
            .collect();
        let (root, contents) = self.holding(&hashes).await?;
        let mut found = Vec::new();
        for content in contents {
            let of_caller = |(_, call): &(usize, &ArchivedCall)| {
                call.callers.iter().any(|caller| hashes.contains(caller))
            };
            let mut calls: Vec<_> = content.calls.iter().enumerate().filter(of_caller).collect();
            calls.sort_by_key(|(_, call)| Reverse(call.sequence));
            for (at, call) in calls {
                if found.len() == calls_max {
                    return Ok(found);
                }
                let Some(kept) = self.kept(&root, &content, (at, call), now) else {
                    continue;
                };
                let known = self.read_call(call).await?;
                // A key matches only the end of a telephone number.
                let is_of_caller = caller.matches(&known.caller)
                    && (customer.is_empty() || *known.customer == *customer);
                if is_of_caller && self.is_shown(call.key, &known, is_shown).await? {
                    found.push(self.found_call(known, kept).await?);
                }
            }
        }
        found.sort_by_key(|found| Reverse(found.call.sequence));
        Ok(found)
    }

    async fn is_shown(
        &self,
        key: u64,
        call: &Call,
        is_shown: Option<IsShown<'_>>,
    ) -> Result<bool, HistoryError> {
        let Some(is_shown) = is_shown else {
            return Ok(true);
        };
        Ok(is_shown(call)
            && self
                .newest(key, BEFORE_ALL)
                .await?
                .is_none_or(|newest| is_shown(&newest)))
    }

    async fn found_call(
        &self,
        call: Arc<Call>,
        kept: Vec<&ArchivedInstance>,
    ) -> Result<FoundCall, HistoryError> {
        let mut instances = Vec::with_capacity(kept.len());
        for one in kept {
            instances.push(self.read_instance(one).await?);
        }
        instances.sort_by_key(|instance| instance.id.made_at);
        Ok(FoundCall { call, instances })
    }
}
