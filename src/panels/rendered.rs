//! The state of kinds whose every reading gives a whole view.

use std::fmt;
use std::sync::Arc;

use super::kind::{PanelKind, PanelState, ViewChange};
use super::mismatch::ReadingMismatch;
use super::view::{PanelView, View};
use crate::domain::{History, Reading};

/// Turns each reading into a whole view.
pub(super) trait Render: fmt::Debug + Send {
    /// The view of this kind.
    type View: View + PartialEq + 'static;

    /// The view of the newest reading in a feed's `history`.
    ///
    /// # Errors
    /// A [`ReadingMismatch`] when this kind cannot show such a reading.
    fn render(&mut self, reading: &Reading, history: &History) -> Result<Self::View, ReadingMismatch>;
}

/// The state of a kind that [renders](Render) each reading: the newest view.
#[derive(Debug)]
pub(super) struct Rendered<R: Render> {
    kind: &'static PanelKind,
    renderer: R,
    view: Option<Arc<R::View>>,
    is_new: bool,
}

impl<R: Render + 'static> Rendered<R> {
    pub(super) fn boxed(kind: &'static PanelKind, renderer: R) -> Box<dyn PanelState> {
        Box::new(Self { kind, renderer, view: None, is_new: false })
    }
}

impl<R: Render> PanelState for Rendered<R> {
    fn update(&mut self, reading: &Reading, history: &History) -> Result<(), ReadingMismatch> {
        let view = self.renderer.render(reading, history)?;
        if self.view.as_deref() != Some(&view) {
            self.view = Some(Arc::new(view));
            self.is_new = true;
        }
        Ok(())
    }

    fn has_view(&self) -> bool {
        self.view.is_some()
    }

    fn view(&self, _: &History) -> Option<PanelView> {
        self.view.clone().map(|view| PanelView::new(self.kind.word, view))
    }

    fn drain(&mut self, history: &History) -> Option<ViewChange> {
        if std::mem::take(&mut self.is_new) { self.view(history).map(ViewChange::Whole) } else { None }
    }
}
