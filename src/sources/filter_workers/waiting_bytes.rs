use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::Holder;

/// The most bytes of answers that wait for a filter or are in one. One answer alone may be larger.
const MAX_BYTES: usize = 128 * 1024 * 1024;

/// How many of them strangers have together, and one member.
const MAX_OF_ONE: usize = MAX_BYTES / 4;

/// The bytes of the answers that wait for filters, by holder: strangers are one.
#[derive(Default)]
pub(super) struct WaitingBytes(Mutex<HashMap<Option<Holder>, usize>>);

/// The bytes of one answer. They are counted until this is dropped.
pub(super) struct WaitingAnswer<'a> {
    waiting: &'a WaitingBytes,
    holder: Option<Holder>,
    bytes: usize,
}

impl WaitingBytes {
    /// Counts an answer; `None` when it would be too much.
    pub(super) fn add(&self, holder: &Holder, bytes: usize) -> Option<WaitingAnswer<'_>> {
        let holder = Some(holder).filter(|holder| !holder.is_stranger()).cloned();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = waiting.values().sum();
        let own = waiting.get(&holder).copied().unwrap_or_default();
        // Who has nothing here may have one answer, however large.
        if (own > 0 && own + bytes > MAX_OF_ONE) || (total > 0 && total + bytes > MAX_BYTES) {
            return None;
        }
        *waiting.entry(holder.clone()).or_default() += bytes;
        Some(WaitingAnswer { waiting: self, holder, bytes })
    }
}

impl Drop for WaitingAnswer<'_> {
    fn drop(&mut self) {
        let mut waiting = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = waiting.get_mut(&self.holder) {
            *own -= self.bytes;
            if *own == 0 {
                waiting.remove(&self.holder);
            }
        }
    }
}
