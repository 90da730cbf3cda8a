use super::kind::{PanelSettings, PanelState, ViewChange};
use super::mismatch::ReadingMismatch;
use super::view::{PanelFrame, PanelTrouble};
use crate::domain::{Bindings, History, Reading, Timestamp};

/// The state of one panel in one channel: its view, how old that is, and the source's failure, if any.
///
/// A browser that applies a [`frame`](Panel::frame) and then every later [`drain`](Panel::drain) shows the same as the
/// next `frame`.
#[derive(Debug)]
pub struct Panel {
    state: Box<dyn PanelState>,
    at: Option<Timestamp>,
    trouble: Option<PanelTrouble>,
    /// Whether there was a reading, or trouble, or an end of it, since the last drain.
    has_changed: bool,
}

impl Panel {
    /// A panel without a reading yet. A text has its view at once, with the inputs' values in it.
    pub fn new(settings: &PanelSettings, bindings: &Bindings) -> Self {
        Self { state: settings.options.state(settings, bindings), at: None, trouble: None, has_changed: false }
    }

    /// Checks that a panel of these settings can show such a reading.
    ///
    /// # Errors
    /// The [`ReadingMismatch`] when it cannot.
    pub fn check_reading(
        settings: &PanelSettings,
        bindings: &Bindings,
        at: Timestamp,
        reading: &Reading,
    ) -> Result<(), ReadingMismatch> {
        let mut history = History::new(settings.source.as_ref().map(|source| source.every).unwrap_or_default());
        history.keep_windows(&settings.past().window.into_iter().collect());
        history.record(at, reading);
        Self::new(settings, bindings).add_reading(at, reading, &history)
    }

    /// Adds a reading of the moment `at`, which is in the feed's `history` already. It ends any trouble.
    ///
    /// # Errors
    /// A [`ReadingMismatch`] when this kind of panel cannot show such a reading. The panel is as it was: it is for the caller,
    /// who knows when the source is queried again, to [set that as its trouble](Panel::set_trouble).
    pub fn add_reading(&mut self, at: Timestamp, reading: &Reading, history: &History) -> Result<(), ReadingMismatch> {
        self.state.update(reading, history)?;
        self.at = Some(at);
        self.trouble = None;
        self.has_changed = true;
        Ok(())
    }

    /// Shows the past that is in the feed's `history`, where there is no reading yet.
    pub fn restore(&mut self, history: &History) {
        if self.at.is_none() && !self.state.has_view() && history.oldest().is_some() {
            self.state.restore(history);
            self.has_changed |= self.state.has_view();
        }
    }

    /// Sets the reason why there is nothing newer. The last good view stays.
    pub fn set_trouble(&mut self, trouble: PanelTrouble) {
        if self.trouble.as_ref() != Some(&trouble) {
            self.trouble = Some(trouble);
            self.has_changed = true;
        }
    }

    /// Whether there is a view, or at least a reason why there is none.
    pub fn has_something_to_show(&self) -> bool {
        self.state.has_view() || self.trouble.is_some()
    }

    /// The whole panel as it was after its last reading, for a snapshot or a first paint; the `history` may have gone on since.
    /// It may hold what the next [`drain`](Panel::drain) gives again.
    pub fn frame(&self, history: &History) -> PanelFrame {
        PanelFrame { at: self.at, view: self.state.view(history), append: None, trouble: self.trouble.clone() }
    }

    /// Takes the changes since the last drain; `None` when there are none.
    ///
    /// A chart gives its new points, any other kind its whole view when that has changed. A frame with neither means that the
    /// view is still right (`at` is new), or that the source failed (`trouble`).
    pub fn drain(&mut self, history: &History) -> Option<PanelFrame> {
        if !std::mem::take(&mut self.has_changed) {
            return None;
        }
        let (view, append) = match self.state.drain(history) {
            Some(ViewChange::Whole(view)) => (Some(view), None),
            Some(ViewChange::Append(append)) => (None, Some(append)),
            None => (None, None),
        };
        Some(PanelFrame { at: self.at, view, append, trouble: self.trouble.clone() })
    }
}

#[cfg(test)]
mod tests;
